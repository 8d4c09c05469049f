import { from, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Collection } from '../../src/shm/collection.js';
import { COLUMN, ROW_WIDTH } from '../../src/shm/columns.js';
import { collectionOf, sandboxRuns } from '../support/collections.js';

const runs = sandboxRuns(4);
const collection = collectionOf(runs, 1_790_000_060_000, (row, column) =>
  column === COLUMN.upperFreeBytes ? Number.NaN : row * 100 + column,
);
const namesOf = (snapshots: Iterable<{ name: string }>): string[] =>
  Array.from(snapshots, ({ name }) => name);

describe('a collection', () => {
  it('is an iterable of snapshots, as often as one likes, also to RxJS', () => {
    expect(namesOf(collection)).toEqual(['sandbox-0', 'sandbox-1', 'sandbox-2', 'sandbox-3']);
    expect(namesOf([...collection])).toEqual(namesOf(collection));
    let emitted: { name: string }[] = [];
    from(collection)
      .pipe(toArray())
      .subscribe((snapshots) => {
        emitted = snapshots;
      });
    expect(namesOf(emitted)).toEqual(namesOf(collection));
  });

  it('makes a snapshot of a row, unknown values undefined', () => {
    expect(collection.at(2)).toEqual({
      ...runs[2],
      sampledAtMillis: 1_790_000_060_000,
      labels: new Map(),
      uptimeSeconds: 60,
      cpuUtilization: 201,
      vcpuTimeNanos: 202,
      memoryUsedBytes: 203,
      memoryLimitBytes: 204,
      memoryAvailableBytes: 205,
      memoryHostResidentBytes: 206,
      diskReadBytes: 207,
      diskWrittenBytes: 208,
      networkReceivedBytes: 209,
      networkSentBytes: 210,
      upperUsedBytes: 211,
      upperFreeBytes: undefined,
      upperHostAllocatedBytes: 213,
    });
  });

  it.each([-1, 4, 0.5])('has no row %d', (row) => {
    expect(() => collection.at(row)).toThrowError(`row ${row} of a collection of 4`);
  });

  it.each([0, ROW_WIDTH - 1, ROW_WIDTH + 1])('is not made of one run and %d values', (length) => {
    expect(() => new Collection(0, runs.slice(0, 1), new Float64Array(length))).toThrowError(
      `rows: expected ${ROW_WIDTH} values for each of 1 runs, got ${length}`,
    );
  });

  it('has no uptime below 0 where the clock was stepped back', () => {
    expect(collectionOf(runs, 1).at(0).uptimeSeconds).toBe(0);
  });

  it('is sliced without copying', () => {
    const slice = collection.slice(1, 3);
    expect(namesOf(slice)).toEqual(['sandbox-1', 'sandbox-2']);
    expect(slice.at(0)).toEqual(collection.at(1));
    expect(slice.rows.buffer).toBe(collection.rows.buffer);
    expect(namesOf(collection.slice(3))).toEqual(['sandbox-3']);
    expect(collection.slice(4).size).toBe(0);
  });

  it('is filtered row by row, and is itself if all are kept', () => {
    const even = collection.filter(({ sandboxId }) => sandboxId % 2 === 0);
    expect(namesOf(even)).toEqual(['sandbox-1', 'sandbox-3']);
    expect(even.at(1)).toEqual(collection.at(3));
    expect(even.collectedAtMillis).toBe(collection.collectedAtMillis);
    expect(collection.filter(() => true)).toBe(collection);
    expect(collection.filter(() => false).size).toBe(0);
  });
});
