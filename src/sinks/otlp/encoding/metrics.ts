import { type SandboxRun, uptimeSeconds } from '../../../shm/collection.js';
import { COLUMN } from '../../../shm/columns.js';

/** A metric that has one data point for each sandbox and sample. All are gauges. */
export interface SandboxMetric {
  readonly name: string;
  readonly description: string;
  /** UCUM, as OpenTelemetry has it. */
  readonly unit: string;
  /** Bytes are integers, ratios and seconds doubles. */
  readonly type: 'int' | 'double';
  /** The column of a collection that it is read from. */
  readonly column: number;
  /** Makes the point's value where the column's is not it. */
  readonly derive?: (run: SandboxRun, value: number) => number;
}

const bytes = (name: string, description: string, column: number): SandboxMetric => ({
  name: `microsandbox.${name}`,
  description,
  unit: 'By',
  type: 'int',
  column,
});

/** The per-sandbox metrics, in the order in which a request has them. */
export const SANDBOX_METRICS: readonly SandboxMetric[] = [
  {
    name: 'microsandbox.cpu.utilization',
    description:
      'CPU use of the sandbox process, vCPU-seconds per wall-clock second: 2 is two vCPUs at full load.',
    unit: '1',
    type: 'double',
    column: COLUMN.cpuUtilization,
  },
  bytes('memory.usage', 'Resident memory.', COLUMN.memoryUsedBytes),
  bytes('memory.limit', 'Configured guest memory limit.', COLUMN.memoryLimitBytes),
  bytes('disk.bytes_read', 'Cumulative bytes read by the sandbox process.', COLUMN.diskReadBytes),
  bytes('disk.bytes_written', 'Cumulative bytes written by the sandbox process.', COLUMN.diskWrittenBytes),
  bytes('network.bytes_received', 'Cumulative bytes from runtime to guest.', COLUMN.networkReceivedBytes),
  bytes('network.bytes_sent', 'Cumulative bytes from guest to runtime.', COLUMN.networkSentBytes),
  {
    name: 'microsandbox.uptime',
    description: 'Sandbox uptime at sample time.',
    unit: 's',
    type: 'double',
    column: COLUMN.sampledAtMillis,
    derive: uptimeSeconds,
  },
  bytes('upper.used', 'Upper filesystem, bytes in use.', COLUMN.upperUsedBytes),
  bytes('upper.free', 'Upper filesystem, bytes free.', COLUMN.upperFreeBytes),
  bytes('upper.host_allocated', 'Upper image, bytes allocated on the host.', COLUMN.upperHostAllocatedBytes),
];
