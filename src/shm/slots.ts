import type { SandboxRun } from './collection.js';
import { COLUMN, ROW_WIDTH } from './columns.js';
import type { AbiLayout, FieldLayout } from './layout.js';
import { HEADER_BYTES, MAX_NAME_BYTES, regionBytes, SLOT, SLOT_BYTES, SLOT_STATE } from './layout.js';
import { judgeLiveness, type Liveness } from './liveness.js';
import type { Region } from './region.js';
import { NO_SKIPPED_ROWS, type SkippedRows, type SkipReason } from './skipped-rows.js';

/**
 * Tries to read a slot before it is given up for this tick. A write takes well under a microsecond, so a slot that is
 * still torn after this many has a writer that is suspended, or that died in the middle.
 */
const MAX_TRIES = 16;

/**
 * Repeated tries in one reading, over all slots: about 50 ms. A registry full of slots that are torn for ever must not hold
 * the program up.
 */
const MAX_TRIES_A_READING = 4_096;

/** Slots that are copied at a time: 128 KiB, which stays in the processor's cache. */
const CHUNK_SLOTS = 256;

/** The last millisecond that OTLP's u64 of nanoseconds can hold, in the year 2554. */
const MAX_TIME_MILLIS = 18_446_744_073_709;

const TWO_TO_THE_32 = 2 ** 32;
const TWO_TO_THE_63 = 2 ** 63;

/** Which rows a reading keeps. */
export interface RowFilter {
  /** Time of the reading, Unix ms. */
  readonly nowMillis: number;
  /** The oldest and the newest time of a sample that is kept, Unix ms. */
  readonly oldestSampleMillis: number;
  readonly newestSampleMillis: number;
  /** Whether a process exists; see `judgeLiveness`. */
  readonly processExists: (pid: number) => boolean;
}

/** Where rows go. */
export interface RowSink {
  /** Adds a row; the values are copied. False if it takes no more. */
  add(run: SandboxRun, values: Float64Array): boolean;
}

/** What one reading of a registry found, besides the rows. */
export interface SlotCounts {
  /** Rows added. */
  readonly rows: number;
  /** Slots in use, also those without a first sample. */
  readonly used: number;
  readonly skipped: SkippedRows;
}

interface Column {
  readonly index: number;
  readonly word: number;
  readonly flag: number;
}

interface KnownRun {
  readonly generation: number;
  readonly run: SandboxRun;
  liveness: Liveness | undefined;
}

/** The runs last seen in each slot of a registry, by the number of the slot, so that each stays one object. */
export type KnownRuns = Map<number, KnownRun>;

/** A private copy of some slots, readable as bytes and as numbers. */
class Copy {
  readonly bytes: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f32: Float32Array;

  constructor(slots: number) {
    const buffer = new ArrayBuffer(slots * SLOT_BYTES);
    this.bytes = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f32 = new Float32Array(buffer);
  }
}

/** Three copies of the same slots, taken one after the other. */
class Copies {
  readonly first: Copy;
  readonly second: Copy;
  readonly third: Copy;

  constructor(slots: number) {
    this.first = new Copy(slots);
    this.second = new Copy(slots);
    this.third = new Copy(slots);
  }
}

const WORD = {
  state: SLOT.state / 4,
  generation: SLOT.generation / 4,
  seq: SLOT.seq / 4,
} as const;

/**
 * Reads the slots of one registry under its seqlock, from private copies.
 *
 * The bytes of a slot are copied three times, one copy after the other. If the slot is active in the first and in the
 * third copy, with the same generation and the same even seq, then no write began or ended between the two: what the
 * second copy has is one whole sample of one owner. The copies are ordered by {@link Region.copy}.
 */
export class SlotReader {
  readonly #layout: AbiLayout;
  readonly #columns: readonly Column[];
  readonly #row = new Float64Array(ROW_WIDTH).fill(Number.NaN);
  readonly #known: KnownRuns;
  readonly #chunk = new Copies(CHUNK_SLOTS);
  readonly #single = new Copies(1);
  #triesLeft = 0;

  /**
   * @param layout the layout of the registry's ABI
   * @param known the runs seen before; kept up to date
   */
  constructor(layout: AbiLayout, known: KnownRuns) {
    this.#layout = layout;
    this.#known = known;
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

  /**
   * Adds the newest sample of every sandbox that runs to `sink`, in slot order.
   *
   * @param capacity number of slots
   */
  read(region: Region, capacity: number, filter: RowFilter, sink: RowSink): SlotCounts {
    const skipped: Record<SkipReason, number> = { ...NO_SKIPPED_ROWS };
    let rows = 0;
    let used = 0;
    this.#triesLeft = MAX_TRIES_A_READING;
    for (const [begin, end] of slotRanges(region, capacity)) {
      for (let slot = begin; slot < end; slot += CHUNK_SLOTS) {
        const counts = this.#readChunk(
          region,
          slot,
          Math.min(CHUNK_SLOTS, end - slot),
          filter,
          sink,
          skipped,
        );
        rows += counts.rows;
        used += counts.used;
      }
    }
    return { rows, used, skipped };
  }

  #readChunk(
    region: Region,
    firstSlot: number,
    slots: number,
    filter: RowFilter,
    sink: RowSink,
    skipped: Record<SkipReason, number>,
  ): Pick<SlotCounts, 'rows' | 'used'> {
    const { first, second, third } = this.#chunk;
    const position = HEADER_BYTES + firstSlot * SLOT_BYTES;
    const complete = (copy: Copy): number =>
      Math.floor(region.copy(copy.bytes.subarray(0, slots * SLOT_BYTES), position) / SLOT_BYTES);
    let readable = complete(first);
    if (hasActive(first, readable)) {
      readable = Math.min(readable, complete(second));
      readable = Math.min(readable, complete(third));
    }
    let rows = 0;
    let used = 0;
    for (let index = 0; index < readable; index++) {
      const slot = firstSlot + index;
      const word = (index * SLOT_BYTES) / 4;
      const state = first.i32[word + WORD.state];
      if (state !== SLOT_STATE.active) {
        this.#known.delete(slot);
        skipped.unknown += state < SLOT_STATE.free || state > SLOT_STATE.stale ? 1 : 0;
        continue;
      }
      used++;
      const isWhole = isConsistent(first, third, word);
      const outcome = isWhole
        ? this.#take(second, word, slot, filter, sink)
        : this.#takeAgain(region, slot, filter, sink);
      if (outcome === 'added') {
        rows++;
      } else if (outcome !== 'none') {
        skipped[outcome]++;
      }
    }
    return { rows, used };
  }

  /** Reads a slot that was written to meanwhile again, alone. */
  #takeAgain(region: Region, slot: number, filter: RowFilter, sink: RowSink): 'added' | 'none' | SkipReason {
    const { first, second, third } = this.#single;
    const position = HEADER_BYTES + slot * SLOT_BYTES;
    const copy = ({ bytes }: Copy): boolean => region.copy(bytes, position) === SLOT_BYTES;
    for (let tries = 1; tries < MAX_TRIES && this.#triesLeft > 0; tries++, this.#triesLeft--) {
      if (!copy(first) || !copy(second) || !copy(third)) {
        return 'torn';
      }
      if (first.i32[WORD.state] !== SLOT_STATE.active) {
        return 'none';
      }
      if (isConsistent(first, third, 0)) {
        return this.#take(second, 0, slot, filter, sink);
      }
    }
    return 'torn';
  }

  /** Decodes a whole row and adds it, unless it is to be left out. */
  #take(
    copy: Copy,
    word: number,
    slot: number,
    filter: RowFilter,
    sink: RowSink,
  ): 'added' | 'none' | SkipReason {
    const sampledAt = i64(copy, word + SLOT.sampledAt / 4);
    const generation = u64(copy, word + WORD.generation);
    const known = this.#knownRun(copy, word, slot, generation);
    if (sampledAt === 0) {
      return 'none';
    }
    if (!(sampledAt > 0 && sampledAt <= MAX_TIME_MILLIS)) {
      return 'unknown';
    }
    const { isLive, liveness } = judgeLiveness(known.liveness, sampledAt, filter.nowMillis, () =>
      filter.processExists(known.run.pid),
    );
    known.liveness = liveness;
    if (!isLive) {
      return 'processGone';
    }
    if (sampledAt < filter.oldestSampleMillis) {
      return 'tooOld';
    }
    if (sampledAt > filter.newestSampleMillis) {
      return 'fromFuture';
    }
    this.#readRow(copy, word, sampledAt);
    return sink.add(known.run, this.#row) ? 'added' : 'tooMany';
  }

  /** The run that a slot holds: the known object if nothing of it has changed. */
  #knownRun(copy: Copy, word: number, slot: number, generation: number): KnownRun {
    const known = this.#known.get(slot);
    const sandboxId = copy.i32[word + SLOT.sandboxId / 4];
    const runId = copy.i32[word + SLOT.runId / 4];
    const pid = copy.i32[word + SLOT.pid / 4];
    const startedAtMillis = i64(copy, word + SLOT.startedAt / 4);
    if (
      known?.generation === generation &&
      known.run.sandboxId === sandboxId &&
      known.run.runId === runId &&
      known.run.pid === pid &&
      known.run.startedAtMillis === startedAtMillis
    ) {
      return known;
    }
    const { abi } = this.#layout;
    const name = this.#name(copy, word * 4);
    const found = {
      generation,
      run: { name, sandboxId, runId, pid, startedAtMillis, abi },
      liveness: undefined,
    };
    this.#known.set(slot, found);
    return found;
  }

  #readRow(copy: Copy, word: number, sampledAtMillis: number): void {
    const row = this.#row;
    const layout = this.#layout;
    const flags = layout.sampleFlags === undefined ? 0 : copy.u32[word + layout.sampleFlags / 4];
    row[COLUMN.sampledAtMillis] = sampledAtMillis;
    row[COLUMN.cpuUtilization] =
      (flags & layout.cpuPercent.flag) === layout.cpuPercent.flag
        ? utilization(copy.f32[word + layout.cpuPercent.offset / 4])
        : Number.NaN;
    for (const column of this.#columns) {
      row[column.index] =
        (flags & column.flag) === column.flag ? quantity(copy, word + column.word) : Number.NaN;
    }
  }

  #name({ bytes }: Copy, byte: number): string {
    const at = byte + this.#layout.nameLength;
    const length = Math.min(bytes[at] + bytes[at + 1] * 256, MAX_NAME_BYTES);
    const start = byte + this.#layout.name;
    return Buffer.from(bytes.buffer, start, length).toString('utf8');
  }
}

/** The slots that may hold something, as `[from, to)` pairs. Pages and slots do not begin at the same bytes. */
function* slotRanges(region: Region, capacity: number): Generator<readonly [from: number, to: number]> {
  let next = 0;
  for (const [from, to] of region.ranges(regionBytes(capacity))) {
    const begin = Math.max(next, Math.floor((from - HEADER_BYTES) / SLOT_BYTES));
    const end = Math.min(capacity, Math.ceil((to - HEADER_BYTES) / SLOT_BYTES));
    if (end > begin) {
      yield [begin, end];
      next = end;
    }
  }
}

function hasActive({ i32 }: Copy, slots: number): boolean {
  for (let slot = 0; slot < slots; slot++) {
    if (i32[(slot * SLOT_BYTES) / 4 + WORD.state] === SLOT_STATE.active) {
      return true;
    }
  }
  return false;
}

/** Whether no write began or ended between two copies of an active slot. */
function isConsistent({ i32: a }: Copy, { i32: b }: Copy, word: number): boolean {
  return (
    (a[word + WORD.seq] & 1) === 0 &&
    a[word + WORD.seq] === b[word + WORD.seq] &&
    a[word + WORD.seq + 1] === b[word + WORD.seq + 1] &&
    a[word + WORD.generation] === b[word + WORD.generation] &&
    a[word + WORD.generation + 1] === b[word + WORD.generation + 1] &&
    b[word + WORD.state] === SLOT_STATE.active
  );
}

function u64({ u32 }: Copy, word: number): number {
  return u32[word] + u32[word + 1] * TWO_TO_THE_32;
}

function i64({ u32, i32 }: Copy, word: number): number {
  return u32[word] + i32[word + 1] * TWO_TO_THE_32;
}

/** A u64, exact to 2^53. What OTLP's signed integers cannot carry counts as unknown. */
function quantity(copy: Copy, word: number): number {
  const value = u64(copy, word);
  return value < TWO_TO_THE_63 ? value : Number.NaN;
}

/** A percentage of one vCPU as a ratio; what no processor can have (negative, infinite, NaN) is unknown. */
function utilization(percent: number): number {
  return percent >= 0 && percent < Number.POSITIVE_INFINITY ? percent / 100 : Number.NaN;
}
