import { Collection, type SandboxRun } from '../../src/shm/collection.js';
import { COLUMN, ROW_WIDTH } from '../../src/shm/columns.js';

/** A run with plausible values. */
export function sandboxRun(overrides: Partial<SandboxRun> = {}): SandboxRun {
  return {
    name: 'devbox',
    sandboxId: 33,
    runId: 7,
    pid: 4242,
    startedAtMillis: 1_790_000_000_000,
    abi: 3,
    ...overrides,
  };
}

/** `count` runs with names of their own. */
export function sandboxRuns(count: number, nameOf = (index: number) => `sandbox-${index}`): SandboxRun[] {
  return Array.from({ length: count }, (_, index) =>
    sandboxRun({ name: nameOf(index), sandboxId: index + 1 }),
  );
}

/** A collection with a row for each run, sampled at `sampledAtMillis`, its values told apart by row and column. */
export function collectionOf(
  runs: readonly SandboxRun[],
  sampledAtMillis = 1_790_000_060_000,
  valueAt: (row: number, column: number) => number = (row, column) => row * 100 + column,
): Collection {
  const rows = new Float64Array(runs.length * ROW_WIDTH);
  for (let row = 0; row < runs.length; row++) {
    for (let column = 0; column < ROW_WIDTH; column++) {
      rows[row * ROW_WIDTH + column] =
        column === COLUMN.sampledAtMillis ? sampledAtMillis : valueAt(row, column);
    }
  }
  return new Collection(sampledAtMillis, runs, rows);
}
