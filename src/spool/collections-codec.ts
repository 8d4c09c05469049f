import { Collection, type SandboxRun } from '../shm/collection.js';
import { ROW_WIDTH } from '../shm/columns.js';
import { ByteReader, ByteWriter } from './bytes.js';

/** How the values of a column are written: whole numbers as differences, 32-bit floats, or 64-bit floats. */
const MODE = { differences: 0, float32: 1, float64: 2 } as const;

/** A difference that is larger is not written as one, so that twice of it is still exact. */
const MOST_DIFFERENCE = 2 ** 51;

/** A value of a column that is not known. Differences are written as one more than themselves. */
const UNKNOWN = 0;

/** Values after which a codec may be interrupted. */
const STEP_VALUES = 4_096;

/**
 * Writes collections: the runs once, then each column by itself, as the difference from the last value of the same run. What a
 * collection says of registries and of the catalog is left out. See docs/spool.md for the layout.
 *
 * Yields wherever it may be interrupted: see {@link inSlices}.
 */
export function* encodeCollections(collections: readonly Collection[]): Generator<void, Buffer> {
  const writer = new ByteWriter();
  const indexes = new Map<SandboxRun, number>();
  for (const run of collections.flatMap(({ runs }) => runs)) {
    if (!indexes.has(run)) {
      indexes.set(run, indexes.size);
    }
  }
  writer.varint(indexes.size);
  let written = 0;
  for (const { name, sandboxId, runId, pid, startedAtMillis, abi, labels = [] } of indexes.keys()) {
    writer.text(JSON.stringify([name, sandboxId, runId, pid, startedAtMillis, abi, [...labels]]));
    if (++written % STEP_VALUES === 0) {
      yield;
    }
  }
  writer.varint(collections.length);
  const rowRuns: number[] = [];
  for (const { collectedAtMillis, runs } of collections) {
    writer.float64(collectedAtMillis);
    writer.varint(runs.length);
    let before = -1;
    for (const run of runs) {
      const index = indexes.get(run) as number;
      writer.varint(zigzag(index - before - 1));
      before = index;
      rowRuns.push(index);
      if (rowRuns.length % STEP_VALUES === 0) {
        yield;
      }
    }
  }
  for (let column = 0; column < ROW_WIDTH; column++) {
    yield* writeColumn(writer, valuesOf(collections, column), rowRuns, indexes.size);
  }
  return writer.finish();
}

/**
 * Reads what {@link encodeCollections} has written. Yields wherever it may be interrupted.
 *
 * @throws {Error} for anything else
 */
export function* decodeCollections(bytes: Buffer): Generator<void, readonly Collection[]> {
  const reader = new ByteReader(bytes);
  const runs: SandboxRun[] = [];
  for (let left = reader.count(); left > 0; left--) {
    runs.push(parseRun(reader.text()));
    if (runs.length % STEP_VALUES === 0) {
      yield;
    }
  }
  const ticks: { readonly collectedAtMillis: number; readonly runs: SandboxRun[] }[] = [];
  const rowRuns: number[] = [];
  for (let left = reader.count(); left > 0; left--) {
    const collectedAtMillis = reader.float64();
    const tickRuns: SandboxRun[] = [];
    let before = -1;
    for (let rows = reader.count(); rows > 0; rows--) {
      before += unzigzag(reader.varint()) + 1;
      const run = runs[before];
      if (run === undefined) {
        throw new RangeError(`run ${before} of ${runs.length}`);
      }
      tickRuns.push(run);
      rowRuns.push(before);
      if (rowRuns.length % STEP_VALUES === 0) {
        yield;
      }
    }
    ticks.push({ collectedAtMillis, runs: tickRuns });
  }
  const rows = new Float64Array(rowRuns.length * ROW_WIDTH);
  for (let column = 0; column < ROW_WIDTH; column++) {
    yield* readColumn(reader, rows, column, rowRuns, runs.length);
  }
  if (!reader.isAtEnd) {
    throw new RangeError('bytes after the end');
  }
  let first = 0;
  return ticks.map(({ collectedAtMillis, runs: tickRuns }) => {
    const last = first + tickRuns.length * ROW_WIDTH;
    const collection = new Collection(collectedAtMillis, tickRuns, rows.subarray(first, last));
    first = last;
    return collection;
  });
}

function parseRun(text: string): SandboxRun {
  const [name, sandboxId, runId, pid, startedAtMillis, abi, labels] = JSON.parse(text) as [
    string,
    number,
    number,
    number,
    number,
    number,
    [string, string][],
  ];
  return {
    name,
    sandboxId,
    runId,
    pid,
    startedAtMillis,
    abi,
    ...(labels.length === 0 ? {} : { labels: new Map(labels) }),
  };
}

function valuesOf(collections: readonly Collection[], column: number): number[] {
  const values: number[] = [];
  for (const { rows } of collections) {
    for (let at = column; at < rows.length; at += ROW_WIDTH) {
      values.push(rows[at]);
    }
  }
  return values;
}

function* writeColumn(
  writer: ByteWriter,
  values: readonly number[],
  rowRuns: readonly number[],
  runs: number,
): Generator<void, void> {
  yield;
  const differences = differencesOf(values, rowRuns, runs);
  if (differences !== undefined) {
    writer.varint(MODE.differences);
    yield* inSteps(differences, (difference) =>
      writer.varint(Number.isNaN(difference) ? UNKNOWN : 1 + zigzag(difference)),
    );
  } else if (values.every((value) => Object.is(Math.fround(value), value))) {
    writer.varint(MODE.float32);
    yield* inSteps(values, (value) => writer.float32(value));
  } else {
    writer.varint(MODE.float64);
    yield* inSteps(values, (value) => writer.float64(value));
  }
}

function* inSteps(values: readonly number[], write: (value: number) => void): Generator<void, void> {
  for (let from = 0; from < values.length; from += STEP_VALUES) {
    yield;
    const to = Math.min(from + STEP_VALUES, values.length);
    for (let at = from; at < to; at++) {
      write(values[at]);
    }
  }
}

/** The differences from the last known value of the same run, NaN where a value is not known; `undefined` where one is not whole. */
function differencesOf(
  values: readonly number[],
  rowRuns: readonly number[],
  runs: number,
): readonly number[] | undefined {
  const last = new Float64Array(runs);
  const differences: number[] = [];
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (Number.isNaN(value)) {
      differences.push(value);
      continue;
    }
    const difference = value - last[rowRuns[row]];
    if (!Number.isSafeInteger(value) || Object.is(value, -0) || Math.abs(difference) > MOST_DIFFERENCE) {
      return undefined;
    }
    differences.push(difference);
    last[rowRuns[row]] = value;
  }
  return differences;
}

function* readColumn(
  reader: ByteReader,
  rows: Float64Array,
  column: number,
  rowRuns: readonly number[],
  runs: number,
): Generator<void, void> {
  const mode = reader.varint();
  const last = new Float64Array(runs);
  let row = 0;
  yield* inSteps(rowRuns, (run) => {
    rows[row++ * ROW_WIDTH + column] = readValue(reader, mode, last, run);
  });
}

function readValue(reader: ByteReader, mode: number, last: Float64Array, run: number): number {
  switch (mode) {
    case MODE.differences: {
      const written = reader.varint();
      if (written === UNKNOWN) {
        return Number.NaN;
      }
      last[run] += unzigzag(written - 1);
      return last[run];
    }
    case MODE.float32:
      return reader.float32();
    case MODE.float64:
      return reader.float64();
    default:
      throw new RangeError(`a column of mode ${mode}`);
  }
}

/** Small numbers of either sign as small unsigned ones. */
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);

const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);
