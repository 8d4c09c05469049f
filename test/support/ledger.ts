import type { Sample } from '../simulator/registry.js';

/** How each metric follows from a sample; those not named here (uptime) are compared by their time alone. */
const EXPECTED: Readonly<Record<string, (sample: Sample) => number | undefined>> = {
  'microsandbox.cpu.utilization': ({ cpuPercent }) =>
    cpuPercent === undefined ? undefined : Math.fround(cpuPercent) / 100,
  'microsandbox.memory.usage': ({ memoryUsedBytes }) => memoryUsedBytes,
  'microsandbox.memory.limit': ({ memoryLimitBytes }) => memoryLimitBytes,
  'microsandbox.disk.bytes_read': ({ diskReadBytes }) => diskReadBytes,
  'microsandbox.disk.bytes_written': ({ diskWrittenBytes }) => diskWrittenBytes,
  'microsandbox.network.bytes_received': ({ networkReceivedBytes }) => networkReceivedBytes,
  'microsandbox.network.bytes_sent': ({ networkSentBytes }) => networkSentBytes,
  'microsandbox.upper.used': ({ upperUsedBytes }) => upperUsedBytes,
  'microsandbox.upper.free': ({ upperFreeBytes }) => upperFreeBytes,
  'microsandbox.upper.host_allocated': ({ upperHostAllocatedBytes }) => upperHostAllocatedBytes,
};
const UPTIME = 'microsandbox.uptime';
const FIRST_ABI_WITH_FLAGS = 2;
const FIRST_ABI_WITH_UPPER = 3;

/** A data point of a sandbox, as far as it is compared. */
export interface ArrivedPoint {
  readonly metric: string;
  readonly value: number;
  readonly timeMillis: number;
  readonly name: string;
}

interface Entry {
  readonly value: number | undefined;
  arrivals: number;
}

/** Holds what was written against what arrived, point by point. */
export class Ledger {
  readonly #abi: number;
  readonly #points = new Map<string, Entry>();
  written = 0;
  arrived = 0;
  duplicated = 0;
  wrong = 0;
  /** Points that arrived without having been written. */
  unknown = 0;
  requests = 0;
  bytes = 0;
  readonly lastWritten = new Map<string, Sample>();
  readonly lastArrivedMillis = new Map<string, number>();

  /** @param abi the ABI of the registry written to: it says what can be told of a sample */
  constructor(abi = FIRST_ABI_WITH_UPPER) {
    this.#abi = abi;
  }

  /** Enters a sample. */
  write(name: string, sample: Sample): void {
    this.lastWritten.set(name, sample);
    this.#enter(name, sample, UPTIME, undefined);
    for (const [metric, read] of Object.entries(EXPECTED)) {
      const exists = this.#abi >= FIRST_ABI_WITH_UPPER || !metric.startsWith('microsandbox.upper.');
      // ABI 1 cannot say that a value is unknown: it says 0.
      const value = read(sample) ?? (this.#abi < FIRST_ABI_WITH_FLAGS ? 0 : undefined);
      if (exists && value !== undefined) {
        this.#enter(name, sample, metric, value);
      }
    }
  }

  /** Enters a request. */
  arrive(bytes: number, points: readonly ArrivedPoint[]): void {
    this.requests++;
    this.bytes += bytes;
    for (const { metric, name, timeMillis, value } of points) {
      const entry = this.#points.get(`${name} ${timeMillis} ${metric}`);
      this.lastArrivedMillis.set(name, timeMillis);
      if (entry === undefined) {
        this.unknown++;
        continue;
      }
      entry.arrivals++;
      this.arrived += entry.arrivals === 1 ? 1 : 0;
      this.duplicated += entry.arrivals > 1 ? 1 : 0;
      this.wrong += entry.value !== undefined && entry.value !== value ? 1 : 0;
    }
  }

  /** The points written that have not arrived, each as sandbox, time and metric. */
  missingPoints(): string[] {
    return [...this.#points].filter(([, { arrivals }]) => arrivals === 0).map(([key]) => key);
  }

  /** Points written that have not arrived. */
  get missing(): number {
    return this.written - this.arrived;
  }

  /** Whether what arrived is what was written. */
  get agrees(): boolean {
    return this.missing === 0 && this.duplicated === 0 && this.wrong === 0 && this.unknown === 0;
  }

  #enter(name: string, { sampledAtMillis }: Sample, metric: string, value: number | undefined): void {
    this.#points.set(`${name} ${sampledAtMillis} ${metric}`, { value, arrivals: 0 });
    this.written++;
  }
}
