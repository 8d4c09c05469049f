import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { SandboxRun } from '../../src/shm/collection.js';
import { COLUMN, ROW_WIDTH } from '../../src/shm/columns.js';
import { SLOT } from '../../src/shm/layout.js';
import { isProcessAlive } from '../../src/shm/processes.js';
import { type KnownRuns, type RowFilter, SlotReader } from '../../src/shm/slots.js';
import { type Sample, SimulatedRegistry } from '../simulator/registry.js';
import { runs } from '../support/runs.js';

const who = { name: 'devbox', sandboxId: 33, runId: 7, pid: 42, startedAtMillis: 1_000 };

const everything: RowFilter = { oldestSampleMillis: Number.NEGATIVE_INFINITY, isAlive: () => true };

interface Row {
  readonly run: SandboxRun;
  readonly values: readonly number[];
}

function read(
  registry: SimulatedRegistry,
  filter: Partial<RowFilter> = {},
  known: KnownRuns = new Array(registry.capacity).fill(undefined),
): Row[] {
  const rows: Row[] = [];
  const reader = new SlotReader(registry.bytes.buffer as ArrayBuffer, registry.layout, known);
  reader.read(
    { ...everything, ...filter },
    { add: (run, values) => rows.push({ run, values: [...values] }) },
  );
  return rows;
}

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

  it('is left out by age, and by its process', () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start(who), { sampledAtMillis: 100 });
    expect(read(registry, { oldestSampleMillis: 100 })).toHaveLength(1);
    expect(read(registry, { oldestSampleMillis: 101 })).toHaveLength(0);
    const asked: number[] = [];
    const isAlive = (pid: number): boolean => {
      asked.push(pid);
      return false;
    };
    expect(read(registry, { isAlive })).toHaveLength(0);
    expect(asked).toEqual([42]);
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

/** A region whose bytes change when the reader comes by: a writer at the worst moment. */
function whenRead(
  registry: SimulatedRegistry,
  times: number,
  change: () => void,
  offset: number = SLOT.seq,
): () => number {
  const original = Atomics.load;
  let loads = 0;
  const watched = (registry.offsetOf(0) + offset) / 4;
  Atomics.load = ((array: Int32Array, index: number) => {
    const value = original(array, index);
    if (index === watched && loads++ % 2 === 0 && loads < times * 2) {
      change();
    }
    return value;
  }) as typeof Atomics.load;
  return () => {
    Atomics.load = original;
    return loads;
  };
}

describe('a slot that is written to while it is read', () => {
  it('is read again, so that the row is that of one sample', () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start(who), { sampledAtMillis: 5, diskReadBytes: 5 });
    const restore = whenRead(registry, 3, () => registry.sample(0, { sampledAtMillis: 6, diskReadBytes: 6 }));
    const rows = read(registry);
    expect(restore()).toBeGreaterThan(2);
    expect(rows.map(({ values }) => [values[COLUMN.sampledAtMillis], values[COLUMN.diskReadBytes]])).toEqual([
      [6, 6],
    ]);
  });

  it('is left out after a bounded number of tries', () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    const restore = whenRead(registry, 1_000, () => registry.sample(0, { sampledAtMillis: 6 }));
    expect(read(registry)).toEqual([]);
    expect(restore()).toBeLessThan(50);
  });

  it('is left out if its writer died in the middle, in either order of halves', () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    const slot = registry.start(who);
    registry.sample(slot, { sampledAtMillis: 5 });
    registry.sampleAndDie(slot, { sampledAtMillis: 6 });
    expect(read(registry)).toEqual([]);
    registry.view.setBigUint64(registry.offsetOf(0) + SLOT.seq, 2n ** 64n - 1n, true);
    expect(read(registry)).toEqual([]);
    registry.view.setBigUint64(registry.offsetOf(0) + SLOT.seq, 2n ** 64n - 2n, true);
    expect(read(registry)).toHaveLength(1);
  });

  it.each<[string, (registry: SimulatedRegistry, time: number) => void]>([
    ['given back', (registry) => registry.markStale(0)],
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
    const registry = SimulatedRegistry.inMemory(3, 1);
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    let times = 0;
    const restore = whenRead(registry, 1_000, () => change(registry, ++times), SLOT.seq + 4);
    expect(read(registry)).toEqual([]);
    restore();
    expect(times).toBeGreaterThan(0);
  });
});

describe('a run', () => {
  const read2 = (registry: SimulatedRegistry, known: KnownRuns): SandboxRun =>
    read(registry, {}, known)[0].run;

  it('is one object from reading to reading', () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    const known: KnownRuns = [undefined];
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
    const known: KnownRuns = [undefined];
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    const first = read2(registry, known);
    change(registry.offsetOf(0), registry.view);
    const second = read2(registry, known);
    expect(second).not.toBe(first);
    expect(read2(registry, known)).toBe(second);
  });

  it('is forgotten when its slot is given back', () => {
    const registry = SimulatedRegistry.inMemory(3, 1);
    const known: KnownRuns = [undefined];
    registry.sample(registry.start(who), { sampledAtMillis: 5 });
    read2(registry, known);
    registry.markStale(0);
    read(registry, {}, known);
    expect(known).toEqual([undefined]);
  });
});

describe('a process', () => {
  it('is alive if it can be signalled', () => {
    expect(isProcessAlive(process.pid)).toBe(true);
    expect(isProcessAlive(1)).toBe(true);
  });

  // Root, as which tests often run, may signal everybody.
  it.each([
    ['EPERM', true],
    ['ESRCH', false],
  ])('that kill(2) answers %s for is alive: %s', (code, isAlive) => {
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error(`kill ${code}`), { code });
    });
    expect(isProcessAlive(4_242)).toBe(isAlive);
    expect(kill).toHaveBeenCalledWith(4_242, 0);
    kill.mockRestore();
  });

  it.each([0, -1, -process.pid, 2 ** 22 + 1])('is not with the number %i', (pid) => {
    expect(isProcessAlive(pid)).toBe(false);
  });
});
