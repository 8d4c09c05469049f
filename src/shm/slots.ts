import type { SandboxRun } from './collection.js';
import { COLUMN, ROW_WIDTH } from './columns.js';
import type { AbiLayout, FieldLayout } from './layout.js';
import { HEADER_BYTES, MAX_NAME_BYTES, SLOT, SLOT_BYTES, SLOT_STATE } from './layout.js';

/**
 * Reads taken of a slot before it is given up for this tick. A write takes well under a microsecond, so a slot that
 * is still torn after this many has a writer that is suspended, or that died in the middle.
 */
const MAX_READS = 16;

/** The last millisecond that OTLP's u64 of nanoseconds can tell, in the year 2554. */
const MAX_TIME_MILLIS = 18_446_744_073_709;

const TWO_TO_THE_32 = 2 ** 32;
const TWO_TO_THE_63 = 2 ** 63;

/** Which rows a reading keeps. */
export interface RowFilter {
  /** Samples taken before this, Unix ms, are left out; -Infinity keeps all. */
  readonly oldestSampleMillis: number;
  /** Whether a run's process is alive. */
  readonly isAlive: (pid: number) => boolean;
}

/** Where rows go. */
export interface RowSink {
  /** Adds a row; the values are copied. */
  add(run: SandboxRun, values: Float64Array): void;
}

interface Column {
  readonly index: number;
  readonly word: number;
  readonly flag: number;
}

interface KnownRun {
  readonly generation: number;
  readonly run: SandboxRun;
}

/** The runs last seen in each slot of a registry, so that each stays one object. As long as the capacity. */
export type KnownRuns = (KnownRun | undefined)[];

/**
 * Reads the slots of one mapped registry under its seqlock.
 *
 * A row counts only if, in this order: the slot is active; its generation; its seq, even; all fields; then seq,
 * generation and state are still the same. The three are read by Atomics, whose loads are acquiring ones. The
 * fields in between are plain loads, and a locked read-modify-write on memory of our own stands between them and
 * the second look: none of them can be taken later than it, neither by the processor (x86-64, arm64) nor by the
 * compiler. Reading every field by Atomics does the same at three times the cost.
 */
export class SlotReader {
  readonly #layout: AbiLayout;
  readonly #capacity: number;
  readonly #i32: Int32Array;
  readonly #u32: Uint32Array;
  readonly #f32: Float32Array;
  readonly #bytes: Uint8Array;
  readonly #fence = new Int32Array(new SharedArrayBuffer(4));
  readonly #columns: readonly Column[];
  readonly #row = new Float64Array(ROW_WIDTH).fill(Number.NaN);
  readonly #known: KnownRuns;
  #run: SandboxRun | undefined;

  /**
   * @param region the mapped region: at least `regionBytes(known.length)` long
   * @param layout the layout of its ABI
   * @param known the runs seen before, one entry for each slot; kept up to date
   */
  constructor(region: ArrayBuffer, layout: AbiLayout, known: KnownRuns) {
    this.#layout = layout;
    this.#capacity = known.length;
    this.#known = known;
    this.#i32 = new Int32Array(region);
    this.#u32 = new Uint32Array(region);
    this.#f32 = new Float32Array(region);
    this.#bytes = new Uint8Array(region);
    const column = (index: number, field: FieldLayout | undefined): Column[] =>
      field === undefined ? [] : [{ index, word: field.offset / 4, flag: field.flag }];
    this.#columns = [
      ...column(COLUMN.vcpuTimeNanos, layout.vcpuTime),
      ...column(COLUMN.memoryUsedBytes, layout.memoryUsed),
      ...column(COLUMN.memoryLimitBytes, layout.memoryLimit),
      ...column(COLUMN.memoryAvailableBytes, layout.memoryAvailable),
      ...column(COLUMN.memoryHostResidentBytes, layout.memoryHostResident),
      ...column(COLUMN.diskReadBytes, layout.diskRead),
      ...column(COLUMN.diskWrittenBytes, layout.diskWritten),
      ...column(COLUMN.networkReceivedBytes, layout.networkReceived),
      ...column(COLUMN.networkSentBytes, layout.networkSent),
      ...column(COLUMN.upperUsedBytes, layout.upperUsed),
      ...column(COLUMN.upperFreeBytes, layout.upperFree),
      ...column(COLUMN.upperHostAllocatedBytes, layout.upperHostAllocated),
    ];
  }

  /** Adds the newest sample of every sandbox that runs to `sink`, in slot order. */
  read(filter: RowFilter, sink: RowSink): void {
    for (let slot = 0; slot < this.#capacity; slot++) {
      const word = (HEADER_BYTES + slot * SLOT_BYTES) / 4;
      if (Atomics.load(this.#i32, word + SLOT.state / 4) !== SLOT_STATE.active) {
        this.#known[slot] = undefined;
        continue;
      }
      if (!this.#readConsistently(slot, word)) {
        continue;
      }
      const run = this.#run!;
      const sampledAt = this.#row[COLUMN.sampledAtMillis];
      if (
        sampledAt > 0 &&
        sampledAt <= MAX_TIME_MILLIS &&
        sampledAt >= filter.oldestSampleMillis &&
        filter.isAlive(run.pid)
      ) {
        sink.add(run, this.#row);
      }
    }
  }

  /** Fills the row and the run from one slot; false if no consistent state of it could be had. */
  #readConsistently(slot: number, word: number): boolean {
    for (let reads = 0; reads < MAX_READS; reads++) {
      const generation = this.#atomicU64(word + SLOT.generation / 4);
      const seqLow = Atomics.load(this.#i32, word + SLOT.seq / 4);
      const seqHigh = Atomics.load(this.#i32, word + SLOT.seq / 4 + 1);
      if ((seqLow & 1) === 1) {
        continue;
      }
      const known = this.#known[slot];
      this.#readRow(word);
      const run = this.#readRun(word, known?.generation === generation ? known.run : undefined);
      Atomics.add(this.#fence, 0, 1);
      if (
        Atomics.load(this.#i32, word + SLOT.seq / 4) === seqLow &&
        Atomics.load(this.#i32, word + SLOT.seq / 4 + 1) === seqHigh &&
        this.#atomicU64(word + SLOT.generation / 4) === generation &&
        Atomics.load(this.#i32, word + SLOT.state / 4) === SLOT_STATE.active
      ) {
        if (run !== known?.run) {
          this.#known[slot] = { generation, run };
        }
        this.#run = run;
        return true;
      }
    }
    return false;
  }

  #readRow(word: number): void {
    const row = this.#row;
    const layout = this.#layout;
    const flags = layout.sampleFlags === undefined ? 0 : this.#u32[word + layout.sampleFlags / 4];
    row[COLUMN.sampledAtMillis] = this.#i64(word + SLOT.sampledAt / 4);
    row[COLUMN.cpuUtilization] =
      (flags & layout.cpuPercent.flag) === layout.cpuPercent.flag
        ? utilization(this.#f32[word + layout.cpuPercent.offset / 4])
        : Number.NaN;
    for (const column of this.#columns) {
      row[column.index] =
        (flags & column.flag) === column.flag ? this.#quantity(word + column.word) : Number.NaN;
    }
  }

  /** The run that a slot holds: `known` where nothing of it has changed. */
  #readRun(word: number, known: SandboxRun | undefined): SandboxRun {
    const sandboxId = this.#i32[word + SLOT.sandboxId / 4];
    const runId = this.#i32[word + SLOT.runId / 4];
    const pid = this.#i32[word + SLOT.pid / 4];
    const startedAtMillis = this.#i64(word + SLOT.startedAt / 4);
    if (
      known !== undefined &&
      known.sandboxId === sandboxId &&
      known.runId === runId &&
      known.pid === pid &&
      known.startedAtMillis === startedAtMillis
    ) {
      return known;
    }
    const { abi } = this.#layout;
    return { name: this.#name(word * 4), sandboxId, runId, pid, startedAtMillis, abi };
  }

  #name(byte: number): string {
    const at = byte + this.#layout.nameLength;
    const length = Math.min(this.#bytes[at] + this.#bytes[at + 1] * 256, MAX_NAME_BYTES);
    const start = byte + this.#layout.name;
    // A copy: the decoder must not see the bytes change under it.
    return Buffer.copyBytesFrom(this.#bytes, start, length).toString('utf8');
  }

  #atomicU64(word: number): number {
    const low = Atomics.load(this.#i32, word) >>> 0;
    return low + (Atomics.load(this.#i32, word + 1) >>> 0) * TWO_TO_THE_32;
  }

  #i64(word: number): number {
    return this.#u32[word] + this.#i32[word + 1] * TWO_TO_THE_32;
  }

  /** A u64, exact to 2^53. What OTLP's signed integers cannot carry counts as unknown. */
  #quantity(word: number): number {
    const value = this.#u32[word] + this.#u32[word + 1] * TWO_TO_THE_32;
    return value < TWO_TO_THE_63 ? value : Number.NaN;
  }
}

/** A percentage of one vCPU as a ratio; what no processor can have (negative, infinite, NaN) is unknown. */
function utilization(percent: number): number {
  return percent >= 0 && percent < Number.POSITIVE_INFINITY ? percent / 100 : Number.NaN;
}
