import type { Sample, Tenant } from '../simulator/registry.js';

/** A sample of which every field says `number`. */
export function hammerSample(number: number): Sample {
  return {
    sampledAtMillis: 1_000_000_000_000 + number,
    cpuPercent: number,
    vcpuTimeNanos: number * 2 ** 32 + number,
    memoryUsedBytes: number,
    memoryLimitBytes: number,
    memoryAvailableBytes: number,
    memoryHostResidentBytes: number,
    diskReadBytes: number,
    diskWrittenBytes: number,
    networkReceivedBytes: number,
    networkSentBytes: number,
    upperUsedBytes: number,
    upperFreeBytes: number,
    upperHostAllocatedBytes: number * 2 ** 32 + number,
  };
}

/** A tenant that is `number` all over, but for its process. */
export function hammerTenant(number: number, pid: number): Tenant {
  return { name: `owner-${number}`, sandboxId: number, runId: number, pid, startedAtMillis: number };
}
