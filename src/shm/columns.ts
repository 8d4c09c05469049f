/**
 * The columns of a collection: the position of each value in a row of its Float64Array. A value that is not
 * known is NaN.
 */
export const COLUMN = {
  /** Unix ms at which the runtime took the sample; always known. */
  sampledAtMillis: 0,
  /** vCPU-seconds per wall-clock second: 2 is two vCPUs at full load. */
  cpuUtilization: 1,
  /** Cumulative vCPU time, ns. */
  vcpuTimeNanos: 2,
  /** Memory in use, bytes. */
  memoryUsedBytes: 3,
  /** Configured guest memory limit, bytes. */
  memoryLimitBytes: 4,
  /** Memory available to the guest, bytes. */
  memoryAvailableBytes: 5,
  /** Guest memory resident on the host, bytes. */
  memoryHostResidentBytes: 6,
  /** Cumulative bytes read from disk. */
  diskReadBytes: 7,
  /** Cumulative bytes written to disk. */
  diskWrittenBytes: 8,
  /** Cumulative bytes that the guest received. */
  networkReceivedBytes: 9,
  /** Cumulative bytes that the guest sent. */
  networkSentBytes: 10,
  /** Upper filesystem, bytes in use. */
  upperUsedBytes: 11,
  /** Upper filesystem, bytes free. */
  upperFreeBytes: 12,
  /** Upper image, bytes allocated on the host. */
  upperHostAllocatedBytes: 13,
} as const;

/** Values in a row. */
export const ROW_WIDTH = 14;
