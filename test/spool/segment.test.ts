import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Collection, type SandboxRun } from '../../src/shm/collection.js';
import { COLUMN, ROW_WIDTH } from '../../src/shm/columns.js';
import { openSegment, sealSegment } from '../../src/spool/segment.js';
import { SegmentError } from '../../src/spool/segment-error.js';
import { collectionOf, sandboxRuns } from '../support/collections.js';
import { runs } from '../support/runs.js';

const run: fc.Arbitrary<SandboxRun> = fc.record(
  {
    name: fc.string({ unit: 'grapheme' }),
    sandboxId: fc.maxSafeNat(),
    runId: fc.maxSafeNat(),
    pid: fc.nat(),
    startedAtMillis: fc.maxSafeNat(),
    abi: fc.integer({ min: 1, max: 3 }),
    labels: fc
      .array(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' })), {
        minLength: 1,
        maxLength: 3,
      })
      .map((entries) => new Map(entries)),
  },
  { requiredKeys: ['name', 'sandboxId', 'runId', 'pid', 'startedAtMillis', 'abi'] },
);

const value = fc.oneof(
  fc.constant(Number.NaN),
  fc.maxSafeNat(),
  fc.maxSafeInteger(),
  fc.double({ noDefaultInfinity: true }),
  fc.float({ noDefaultInfinity: true }),
  fc.constantFrom(
    0,
    -0,
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    2 ** 53 - 1,
    -(2 ** 53 - 1),
    Number.POSITIVE_INFINITY,
  ),
);

/** Collections of some of the same runs. */
const collectionsOf: fc.Arbitrary<Collection[]> = fc.array(run, { minLength: 1, maxLength: 5 }).chain((all) =>
  fc.array(
    fc
      .tuple(fc.maxSafeNat(), fc.shuffledSubarray(all))
      .chain(([at, some]) =>
        fc
          .array(value, { minLength: some.length * ROW_WIDTH, maxLength: some.length * ROW_WIDTH })
          .map((values) => new Collection(at, some, Float64Array.from(values))),
      ),
    { maxLength: 5 },
  ),
);

const told = (collections: readonly Collection[]) =>
  collections.map(({ collectedAtMillis, runs: each, rows }) => ({
    collectedAtMillis,
    runs: each.map(({ labels, ...rest }) => ({ ...rest, labels: [...(labels ?? [])] })),
    rows: [...rows],
  }));

describe('a segment', () => {
  it('gives back what was put into it, whatever that is', async () => {
    await fc.assert(
      fc.asyncProperty(collectionsOf, async (collections) => {
        expect(told(await openSegment(await sealSegment(collections)))).toEqual(told(collections));
      }),
      runs(300),
    );
  });

  it('is refused with any byte changed, or cut off anywhere', async () => {
    const segment = await sealSegment([collectionOf(sandboxRuns(3)), collectionOf(sandboxRuns(2))]);
    await fc.assert(
      fc.asyncProperty(fc.nat(segment.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = Buffer.from(segment);
        damaged[at] ^= change;
        await expect(openSegment(damaged)).rejects.toThrow(SegmentError);
        await expect(openSegment(segment.subarray(0, at))).rejects.toThrow(SegmentError);
      }),
      runs(200),
    );
  });

  it('says what it is where it is of another version', async () => {
    const segment = await sealSegment([]);
    segment.writeUInt16LE(7, 8);
    await expect(openSegment(segment)).rejects.toThrow('is a segment of version 7, expected 1');
  });

  it('takes 40 bytes a sample or fewer, of 1,000 sandboxes and ten ticks', async () => {
    const { SimulatedSandbox } = await import('../simulator/sandbox.js');
    const sandboxes = sandboxRuns(1_000).map((each, index) => ({
      run: each,
      simulated: new SimulatedSandbox(index),
    }));
    const names = Object.keys(COLUMN) as (keyof typeof COLUMN)[];
    const ticks = Array.from({ length: 10 }, (_, tick) => {
      const rows = sandboxes.flatMap(({ simulated }) => {
        const sample = simulated.next(1_790_000_000_000 + tick * 1_000) as unknown as Record<string, number>;
        return names.map((name) =>
          name === 'cpuUtilization'
            ? Math.fround(sample.cpuPercent ?? Number.NaN) / 100
            : (sample[name] ?? Number.NaN),
        );
      });
      return new Collection(
        1_790_000_000_000 + tick * 1_000,
        sandboxes.map((each) => each.run),
        Float64Array.from(rows),
      );
    });
    const bytes = (await sealSegment(ticks)).length / 10_000;
    console.log(`${bytes.toFixed(1)} bytes a sample`);
    expect(bytes).toBeLessThanOrEqual(40);
  });
});
