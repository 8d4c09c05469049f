import type { CatalogStatus } from './catalog-status.js';
import { COLUMN, ROW_WIDTH } from './columns.js';
import type { RegistryStatus } from './registry-status.js';

/**
 * One run of a sandbox, from its activation in a slot to its release: all that stays the same from sample to
 * sample. A reader makes one object for each run, so that runs can be compared by identity as long as the reader has
 * the registry open.
 */
export interface SandboxRun {
  /** The sandbox's name, with invalid UTF-8 replaced. It is the tenant's: it can hold any character. */
  readonly name: string;
  /** Catalog row; reused after a sandbox is removed. */
  readonly sandboxId: number;
  /** A new one at every restart. */
  readonly runId: number;
  /** The runtime process that owns the slot. */
  readonly pid: number;
  /** Unix ms. */
  readonly startedAtMillis: number;
  /** The ABI of the registry that the run is in. */
  readonly abi: number;
  /** Its labels in msb's catalog. Default: none known. */
  readonly labels?: Labels | undefined;
}

/** Labels of a sandbox: texts by key, sorted by the bytes of the keys. A map, because a key may be `__proto__`. */
export type Labels = ReadonlyMap<string, string>;

/** No labels. */
export const NO_LABELS: Labels = new Map();

/** The run that each run with labels was made from. */
const UNLABELLED = new WeakMap<SandboxRun, SandboxRun>();

/** The same run with labels. */
export function labelled(run: SandboxRun, labels: Labels): SandboxRun {
  const withLabels = { ...run, labels };
  UNLABELLED.set(withLabels, run);
  return withLabels;
}

/** The run that a run with labels was made from: it stays the same when the labels change. Any other run is itself. */
export function unlabelled(run: SandboxRun): SandboxRun {
  return UNLABELLED.get(run) ?? run;
}

/** A sandbox's newest sample, readable. Values that the runtime did not know are `undefined`, never 0. */
export interface Snapshot extends SandboxRun {
  /** Its labels in msb's catalog, sorted by key; empty where none are known. */
  readonly labels: Labels;
  /** Unix ms at which the runtime took the sample. */
  readonly sampledAtMillis: number;
  /** Seconds from the start of the run to the sample. */
  readonly uptimeSeconds: number;
  /** vCPU-seconds per wall-clock second: 2 is two vCPUs at full load. */
  readonly cpuUtilization: number | undefined;
  /** Cumulative vCPU time, ns. ABI 2 on. */
  readonly vcpuTimeNanos: number | undefined;
  readonly memoryUsedBytes: number | undefined;
  /** Configured guest memory limit. */
  readonly memoryLimitBytes: number | undefined;
  /** ABI 2 on. */
  readonly memoryAvailableBytes: number | undefined;
  /** ABI 2 on. */
  readonly memoryHostResidentBytes: number | undefined;
  /** Cumulative; starts from 0 at every restart, as the three that follow. */
  readonly diskReadBytes: number | undefined;
  readonly diskWrittenBytes: number | undefined;
  /** From the runtime to the guest. */
  readonly networkReceivedBytes: number | undefined;
  /** From the guest to the runtime. */
  readonly networkSentBytes: number | undefined;
  /** Upper filesystem. ABI 3 on, as the two that follow. */
  readonly upperUsedBytes: number | undefined;
  readonly upperFreeBytes: number | undefined;
  /** Bytes of the upper image that the host has allocated. */
  readonly upperHostAllocatedBytes: number | undefined;
}

/**
 * What one tick saw: the newest sample of every sandbox that runs, over all registries of an MSB_HOME.
 *
 * Its rows lie in one Float64Array of {@link ROW_WIDTH} values a row, and snapshots are made on demand:
 *
 *     for (const snapshot of collection) console.log(snapshot.name, snapshot.memoryUsedBytes);
 *
 * A collection never changes once it is made, and holds no view of shared memory.
 */
export class Collection implements Iterable<Snapshot> {
  /**
   * @param collectedAtMillis wall-clock time of the tick, Unix ms
   * @param runs the run that each row belongs to
   * @param rows the values, row after row; see {@link COLUMN} for the order. Unknown values are NaN.
   * @param registries the state of each registry looked at
   * @param collectMillis how long reading took, ms
   * @param catalog what a look at msb's catalog found; `undefined` where there was none
   * @throws {RangeError} unless there are {@link ROW_WIDTH} values for each run
   */
  constructor(
    readonly collectedAtMillis: number,
    readonly runs: readonly SandboxRun[],
    readonly rows: Float64Array,
    readonly registries: readonly RegistryStatus[] = [],
    readonly collectMillis = 0,
    readonly catalog?: CatalogStatus | undefined,
  ) {
    if (rows.length !== runs.length * ROW_WIDTH) {
      throw new RangeError(
        `rows: expected ${ROW_WIDTH} values for each of ${runs.length} runs, got ${rows.length}`,
      );
    }
  }

  /** Number of sandboxes. Not called `length`, for `from(collection)` would then take it for an array. */
  get size(): number {
    return this.runs.length;
  }

  /** The value in a row's column, NaN if unknown: row 0 to `size - 1`, `column` one of {@link COLUMN}. Not checked. */
  value(row: number, column: number): number {
    return this.rows[row * ROW_WIDTH + column];
  }

  /**
   * The snapshot in a row, 0 to `size - 1`.
   *
   * @throws {RangeError} for a row that there is not
   */
  at(row: number): Snapshot {
    const run = this.runs[row];
    if (run === undefined) {
      throw new RangeError(`row ${row} of a collection of ${this.size}`);
    }
    const known = (column: number): number | undefined => {
      const value = this.value(row, column);
      return Number.isNaN(value) ? undefined : value;
    };
    const sampledAtMillis = this.value(row, COLUMN.sampledAtMillis);
    return {
      ...run,
      labels: run.labels ?? NO_LABELS,
      sampledAtMillis,
      uptimeSeconds: uptimeSeconds(run, sampledAtMillis),
      cpuUtilization: known(COLUMN.cpuUtilization),
      vcpuTimeNanos: known(COLUMN.vcpuTimeNanos),
      memoryUsedBytes: known(COLUMN.memoryUsedBytes),
      memoryLimitBytes: known(COLUMN.memoryLimitBytes),
      memoryAvailableBytes: known(COLUMN.memoryAvailableBytes),
      memoryHostResidentBytes: known(COLUMN.memoryHostResidentBytes),
      diskReadBytes: known(COLUMN.diskReadBytes),
      diskWrittenBytes: known(COLUMN.diskWrittenBytes),
      networkReceivedBytes: known(COLUMN.networkReceivedBytes),
      networkSentBytes: known(COLUMN.networkSentBytes),
      upperUsedBytes: known(COLUMN.upperUsedBytes),
      upperFreeBytes: known(COLUMN.upperFreeBytes),
      upperHostAllocatedBytes: known(COLUMN.upperHostAllocatedBytes),
    };
  }

  *[Symbol.iterator](): Iterator<Snapshot> {
    for (let row = 0; row < this.size; row++) {
      yield this.at(row);
    }
  }

  /** The rows from `from` up to but not including `to`, sharing this collection's memory. */
  slice(from: number, to = this.size): Collection {
    return new Collection(
      this.collectedAtMillis,
      this.runs.slice(from, to),
      this.rows.subarray(from * ROW_WIDTH, to * ROW_WIDTH),
      this.registries,
      this.collectMillis,
      this.catalog,
    );
  }

  /** The same rows of runs that know more, such as labels. */
  withRuns(runs: readonly SandboxRun[], catalog: CatalogStatus): Collection {
    return new Collection(
      this.collectedAtMillis,
      runs,
      this.rows,
      this.registries,
      this.collectMillis,
      catalog,
    );
  }

  /** The rows for which `keep` holds, in their order; this very collection if it holds for all. */
  filter(keep: (run: SandboxRun, sampledAtMillis: number) => boolean): Collection {
    const kept: number[] = [];
    for (let row = 0; row < this.size; row++) {
      if (keep(this.runs[row], this.value(row, COLUMN.sampledAtMillis))) {
        kept.push(row);
      }
    }
    if (kept.length === this.size) {
      return this;
    }
    const rows = new Float64Array(kept.length * ROW_WIDTH);
    kept.forEach((row, index) => {
      rows.set(this.rows.subarray(row * ROW_WIDTH, (row + 1) * ROW_WIDTH), index * ROW_WIDTH);
    });
    const runs = kept.map((row) => this.runs[row]);
    return new Collection(
      this.collectedAtMillis,
      runs,
      rows,
      this.registries,
      this.collectMillis,
      this.catalog,
    );
  }
}

/** Seconds from the start of a run to a sample of it; 0 where the clock was stepped back in between. */
export function uptimeSeconds(run: SandboxRun, sampledAtMillis: number): number {
  return Math.max(0, sampledAtMillis - run.startedAtMillis) / 1000;
}
