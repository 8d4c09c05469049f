import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { SandboxRun } from '../../src/shm/collection.js';
import { COLUMN, ROW_WIDTH } from '../../src/shm/columns.js';
import { SLOT } from '../../src/shm/layout.js';
import { doesProcessExist } from '../../src/shm/processes.js';
import type { Region } from '../../src/shm/region.js';
import { NO_SKIPPED_ROWS } from '../../src/shm/skipped-rows.js';
import { type KnownRuns, type RowFilter, type SlotCounts, SlotReader } from '../../src/shm/slots.js';
import { type Sample, SimulatedRegistry } from '../simulator/registry.js';
import { memoryRegion } from '../support/memory-region.js';
import { runs } from '../support/runs.js';

const who = { name: 'devbox', sandboxId: 33, runId: 7, pid: 42, startedAtMillis: 1_000 };

const everything: RowFilter = {
  nowMillis: 1_000_000,
  oldestSampleMillis: Number.NEGATIVE_INFINITY,
  newestSampleMillis: Number.POSITIVE_INFINITY,
  processExists: () => true,
};

interface Row {
  readonly run: SandboxRun;
  readonly values: readonly number[];
}

function readAll(
  registry: SimulatedRegistry,
  filter: Partial<RowFilter> = {},
  known: KnownRuns = new Map(),
  region: Region = memoryRegion(registry.bytes),
): SlotCounts & { found: Row[] } {
  const found: Row[] = [];
  const counts = new SlotReader(registry.layout, known).read(
    region,
    registry.capacity,
    { ...everything, ...filter },
    { add: (run, values) => found.push({ run, values: [...values] }) > 0 },
  );
  expect(counts.rows).toBe(found.length);
  expect(Object.keys(counts.skipped).sort()).toEqual(Object.keys(NO_SKIPPED_ROWS).sort());
  return { ...counts, found };
}

const read = (...parameters: Parameters<typeof readAll>): Row[] => readAll(...parameters).found;

const counter = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

/** Samples of which any field may be unknown. */
const samples = fc.record({
  sampledAtMillis: fc.integer({ min: 1, max: 18_446_744_073_709 }),
  cpuPercent: optional(fc.float({ min: 0, max: 6_400, noNaN: true })),
  vcpuTimeNanos: optional(counter),
  memoryUsedBytes: optional(counter),
  memoryLimitBytes: optional(counter),
  memoryAvailableBytes: optional(counter),
  memoryHostResidentBytes: optional(counter),
  diskReadBytes: optional(counter),
  diskWrittenBytes: optional(counter),
  networkReceivedBytes: optional(counter),
  networkSentBytes: optional(counter),
  upperUsedBytes: optional(counter),
  upperFreeBytes: optional(counter),
  upperHostAllocatedBytes: optional(counter),
});

const FLAGGED = [
  'memoryUsedBytes',
  'memoryAvailableBytes',
  'memoryHostResidentBytes',
  'upperUsedBytes',
  'upperFreeBytes',
  'upperHostAllocatedBytes',
];
const FROM_ABI: Record<string, number> = {
  vcpuTimeNanos: 2,
  memoryAvailableBytes: 2,
  memoryHostResidentBytes: 2,
  upperUsedBytes: 3,
  upperFreeBytes: 3,
  upperHostAllocatedBytes: 3,
};

/** What a reader must find of a sample: NaN where the ABI lacks the field, or says that it is unknown. */
function expectedRow(abi: number, sample: Record<string, number | undefined>): number[] {
  const row = new Array(ROW_WIDTH).fill(Number.NaN);
  row[COLUMN.sampledAtMillis] = sample.sampledAtMillis;
  const cpuIsKnown = abi === 1 || sample.cpuPercent !== undefined;
  row[COLUMN.cpuUtilization] = cpuIsKnown ? Math.fround(sample.cpuPercent ?? 0) / 100 : Number.NaN;
  for (const [field, column] of Object.entries(COLUMN)) {
    if (field === 'sampledAtMillis' || field === 'cpuUtilization' || abi < (FROM_ABI[field] ?? 1)) {
      continue;
    }
    const flagged = abi > 1 && FLAGGED.includes(field);
    const known =
      field === 'vcpuTimeNanos' ? sample.cpuPercent !== undefined : !flagged || sample[field] !== undefined;
    row[column] = known ? (sample[field] ?? 0) : Number.NaN;
  }
  return row;
}

describe('a slot', () => {
  it.each([1, 2, 3])('of ABI %i is read as it was written, whatever is unknown', (abi) => {
    fc.assert(
      fc.property(samples, (sample) => {
        const registry = SimulatedRegistry.inMemory(abi, 1);
        registry.sample(registry.start(who), sample as Sample);
        const [row] = read(registry);
        expect(row.values).toEqual(expectedRow(abi, sample));
        expect(row.run).toEqual({ ...who, abi });
      }),
      runs(500),
    );
  });

  it('is read among others, in the order of the slots', () => {
    const registry = SimulatedRegistry.inMemory(3, 5);
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      registry.sample(registry.start({ ...who, name }), { sampledAtMillis: 5 });
    }
    registry.release(1);
    registry.markStale(3);
    expect(read(registry).map(({ run }) => run.name)).toEqual(['a', 'c', 'e']);
  });

  it.each([
    0n,
    -1n,
    -(2n ** 63n),
    18_446_744_073_710n,
    2n ** 63n - 1n,
  ])('sampled at %d ms has no sample', (sampledAt) => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    registry.view.setBigInt64(registry.offsetOf(0) + SLOT.sampledAt, sampledAt, true);
    expect(read(registry)).toEqual([]);
  });

  it.each([1n, 18_446_744_073_709n])('may be sampled at %d ms', (sampledAt) => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start(who), { sampledAtMillis: Number(sampledAt) });
    expect(read(registry)[0].values[COLUMN.sampledAtMillis]).toBe(Number(sampledAt));
  });

  it.each([
    [0, 0],
    [250, 2.5],
    [-1, Number.NaN],
    [Number.NaN, Number.NaN],
    [Number.POSITIVE_INFINITY, Number.NaN],
    [Number.NEGATIVE_INFINITY, Number.NaN],
  ])('at %d per cent of a vCPU has the utilization %d', (percent, utilization) => {
    const registry = SimulatedRegistry.inMemory(1, 1);
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    registry.view.setFloat32(registry.offsetOf(0) + registry.layout.cpuPercent.offset, percent, true);
    expect(read(registry)[0].values[COLUMN.cpuUtilization]).toBe(utilization);
  });

  it.each([
    [0, 0],
    [5, 5],
    [127, 127],
    [128, 128],
    [129, 128],
    [256, 128],
    [257, 128],
    [65_535, 128],
  ])('with the name length %i has a name of %i bytes', (written, bytes) => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start({ ...who, name: 'n'.repeat(128) }), { sampledAtMillis: 5 });
    registry.view.setUint16(registry.offsetOf(0) + registry.layout.nameLength, written, true);
    expect(read(registry)[0].run.name).toBe('n'.repeat(bytes));
  });

  it('may have started before 1970', () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start({ ...who, startedAtMillis: -5_000_000_000 }), { sampledAtMillis: 5 });
    expect(read(registry)[0].run.startedAtMillis).toBe(-5_000_000_000);
  });

  it('is left out by its age, by a time ahead of the clock, and by its process, and counted by the reason', () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start(who), { sampledAtMillis: 100 });
    expect(readAll(registry, { oldestSampleMillis: 100, newestSampleMillis: 100 }).rows).toBe(1);
    expect(readAll(registry, { oldestSampleMillis: 101 })).toMatchObject({ rows: 0, skipped: { tooOld: 1 } });
    expect(readAll(registry, { newestSampleMillis: 99 })).toMatchObject({
      rows: 0,
      skipped: { fromFuture: 1 },
    });
    const asked: number[] = [];
    const processExists = (pid: number): boolean => {
      asked.push(pid);
      return false;
    };
    expect(readAll(registry, { processExists })).toMatchObject({ rows: 0, skipped: { processGone: 1 } });
    expect(asked).toEqual([42]);
  });

  it.each([4, 5, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])('with the unknown state %d is counted', (state) => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.view.setUint32(registry.offsetOf(0) + SLOT.state, state, true);
    expect(readAll(registry)).toMatchObject({ rows: 0, skipped: { unknown: 1 } });
  });

  it('without a sample yet, free, reserved or stale is left out and not counted', () => {
    const registry = SimulatedRegistry.inMemory(3, 4);
    registry.start(who);
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    registry.markStale(1);
    registry.view.setUint32(registry.offsetOf(2) + SLOT.state, 1, true);
    expect(readAll(registry)).toMatchObject({ rows: 0, used: 1, skipped: NO_SKIPPED_ROWS });
  });

  it.each([
    [2n ** 63n - 1024n, 2 ** 63 - 1024],
    [2n ** 63n, Number.NaN],
    [2n ** 64n - 1n, Number.NaN],
  ])('with the counter %d has the value %d', (written, value) => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    registry.view.setBigUint64(registry.offsetOf(0) + registry.layout.diskRead.offset, written, true);
    expect(read(registry)[0].values[COLUMN.diskReadBytes]).toBe(value);
  });
});

describe('a slot that is written to while it is read', () => {
  const written = () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start(who), { sampledAtMillis: 5, diskReadBytes: 5 });
    return registry;
  };

  it.each([1, 2])('is read again, so that the row is that of one sample: after copy %i', (copy) => {
    const registry = written();
    const region = memoryRegion(registry.bytes, (copies) => {
      if (copies === copy || copies === copy + 3) {
        registry.sample(0, { sampledAtMillis: 5 + copies, diskReadBytes: 5 + copies });
      }
    });
    const rows = read(registry, {}, new Map(), region);
    const last = 5 + copy + 3;
    expect(rows.map(({ values }) => [values[COLUMN.sampledAtMillis], values[COLUMN.diskReadBytes]])).toEqual([
      [last, last],
    ]);
  });

  it('is read again at its own place, the last one of several', () => {
    const registry = SimulatedRegistry.inMemory(3, 300);
    registry.sample(registry.startAt(299, who), { sampledAtMillis: 5, diskReadBytes: 5 });
    const region = memoryRegion(registry.bytes, (copies) => {
      // The first chunk has nothing active, so it is copied once.
      if (copies === 2) {
        registry.sample(299, { sampledAtMillis: 6, diskReadBytes: 6 });
      }
    });
    const rows = read(registry, {}, new Map(), region);
    expect(rows.map(({ values }) => values[COLUMN.diskReadBytes])).toEqual([6]);
  });

  it('is counted where the sink takes no more', () => {
    const registry = written();
    const counts = new SlotReader(registry.layout, new Map()).read(
      memoryRegion(registry.bytes),
      1,
      everything,
      { add: () => false },
    );
    expect(counts).toEqual({ rows: 0, used: 1, skipped: { ...NO_SKIPPED_ROWS, tooMany: 1 } });
  });

  it('is left out after a bounded number of tries', () => {
    const registry = written();
    let copied = 0;
    const region = memoryRegion(registry.bytes, (copies) => {
      copied = copies;
      registry.sample(0, { sampledAtMillis: 6 });
    });
    expect(readAll(registry, {}, new Map(), region)).toMatchObject({ rows: 0, skipped: { torn: 1 } });
    expect(copied).toBe(16 * 3);
  });

  it('is left out if its writer died in the middle, in either order of halves', () => {
    const registry = written();
    registry.sampleAndDie(0, { sampledAtMillis: 6 });
    expect(readAll(registry)).toMatchObject({ rows: 0, skipped: { torn: 1 } });
    registry.view.setBigUint64(registry.offsetOf(0) + SLOT.seq, 2n ** 64n - 1n, true);
    expect(read(registry)).toEqual([]);
    registry.view.setBigUint64(registry.offsetOf(0) + SLOT.seq, 2n ** 64n - 2n, true);
    expect(read(registry)).toHaveLength(1);
  });

  it.each<[string, (registry: SimulatedRegistry, time: number) => void]>([
    [
      'taken over',
      (registry, time) => registry.view.setUint32(registry.offsetOf(0) + SLOT.generation, 77 + time, true),
    ],
    [
      'taken over by a generation that differs in its upper half',
      (registry, time) => registry.view.setUint32(registry.offsetOf(0) + SLOT.generation + 4, time, true),
    ],
    [
      'written with a seq that differs in its upper half',
      (registry, time) => registry.view.setUint32(registry.offsetOf(0) + SLOT.seq + 4, time, true),
    ],
  ])('is not reported as it was when it is %s meanwhile', (_, change) => {
    const registry = written();
    const region = memoryRegion(registry.bytes, (copies) => change(registry, copies));
    expect(readAll(registry, {}, new Map(), region)).toMatchObject({ rows: 0, skipped: { torn: 1 } });
  });

  it.each([1, 2])('is not reported when it is given back after copy %i', (copy) => {
    const registry = written();
    const region = memoryRegion(registry.bytes, (copies) => {
      if (copies === copy) {
        registry.markStale(0);
      }
    });
    expect(readAll(registry, {}, new Map(), region)).toMatchObject({ rows: 0, skipped: NO_SKIPPED_ROWS });
  });

  it('is left out where the object ends before it, whichever copy finds that', () => {
    for (const short of [1, 2, 3, 4, 5, 6]) {
      const registry = written();
      let copies = 0;
      const whole = memoryRegion(registry.bytes, () => {
        if (copies === 1 && short > 3) {
          registry.sample(0, { sampledAtMillis: 9 });
        }
      });
      const region: Region = {
        ...whole,
        copy: (into, position) => {
          copies++;
          const copied = whole.copy(into, position);
          return copies >= short ? copied - 1 : copied;
        },
      };
      expect(readAll(registry, {}, new Map(), region).rows, `copy ${short}`).toBe(0);
    }
  });

  it('costs no second copy where nothing is active', () => {
    const registry = SimulatedRegistry.inMemory(3, 600);
    let copied = 0;
    readAll(
      registry,
      {},
      new Map(),
      memoryRegion(registry.bytes, (copies) => {
        copied = copies;
      }),
    );
    expect(copied).toBe(3);
  });

  it('is read in every chunk, and of a sparse region in every range, once', () => {
    const registry = SimulatedRegistry.inMemory(3, 600);
    for (let slot = 0; slot < 600; slot++) {
      registry.sample(registry.start({ ...who, sandboxId: slot }), { sampledAtMillis: 5 });
    }
    const ids = (region?: Region) => read(registry, {}, new Map(), region).map(({ run }) => run.sandboxId);
    expect(ids()).toEqual(Array.from({ length: 600 }, (_, slot) => slot));
    const sparse = {
      ...memoryRegion(registry.bytes),
      // Pages of 4,096 bytes: the first slot of a range lies partly in the page before.
      ranges: () =>
        [
          [0, 4_096],
          [4_096, 8_192],
          [12_288, 16_384],
          [300_000, 1_000_000],
        ] as const,
    };
    const expected = [...Array(16).keys(), ...[23, 24, 25, 26, 27, 28, 29, 30, 31]];
    expect(ids(sparse).filter((id) => id < 500)).toEqual(expected);
    expect(ids(sparse).at(-1)).toBe(599);
  });
});

describe('a run', () => {
  const read2 = (registry: SimulatedRegistry, known: KnownRuns): SandboxRun =>
    read(registry, {}, known)[0].run;

  it('is one object from reading to reading', () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    const known: KnownRuns = new Map();
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    const first = read2(registry, known);
    registry.sample(0, { sampledAtMillis: 6 });
    expect(read2(registry, known)).toBe(first);
  });

  it.each([
    ['generation', (at: number, view: DataView) => view.setBigUint64(at + SLOT.generation, 99n, true)],
    ['sandbox id', (at: number, view: DataView) => view.setInt32(at + SLOT.sandboxId, 99, true)],
    ['run id', (at: number, view: DataView) => view.setInt32(at + SLOT.runId, 99, true)],
    ['pid', (at: number, view: DataView) => view.setInt32(at + SLOT.pid, 99, true)],
    ['time of its start', (at: number, view: DataView) => view.setBigInt64(at + SLOT.startedAt, 99n, true)],
  ])('is another with another %s', (_, change) => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    const known: KnownRuns = new Map();
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    const first = read2(registry, known);
    change(registry.offsetOf(0), registry.view);
    const second = read2(registry, known);
    expect(second).not.toBe(first);
    expect(read2(registry, known)).toBe(second);
  });

  it('is forgotten when its slot is given back', () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    const known: KnownRuns = new Map();
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    read2(registry, known);
    registry.markStale(0);
    read(registry, {}, known);
    expect(known.size).toBe(0);
  });
});

describe('a process', () => {
  it('exists if it can be signalled', () => {
    expect(doesProcessExist(process.pid)).toBe(true);
    expect(doesProcessExist(1)).toBe(true);
  });

  // Root, as which tests often run, may signal everybody.
  it.each([
    ['EPERM', true],
    ['ESRCH', false],
  ])('that kill(2) answers %s for exists: %s', (code, isAlive) => {
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error(`kill ${code}`), { code });
    });
    expect(doesProcessExist(4_242)).toBe(isAlive);
    expect(kill).toHaveBeenCalledWith(4_242, 0);
    kill.mockRestore();
  });

  it.each([0, -1, -process.pid, 2 ** 22 + 1])('is not with the number %i', (pid) => {
    expect(doesProcessExist(pid)).toBe(false);
  });
});
