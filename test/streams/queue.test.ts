import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Queue } from '../../src/streams/queue.js';
import { collectGarbage } from '../support/collect-garbage.js';
import { runs } from '../support/runs.js';

type Change =
  | { readonly add: number }
  | { readonly putBack: readonly number[] }
  | { readonly without: number };

const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ add: fc.integer() }) },
    fc.record({ putBack: fc.array(fc.integer(), { maxLength: 40, size: 'max' }) }),
    { weight: 2, arbitrary: fc.record({ without: fc.integer({ min: 0, max: 20 }) }) },
  ),
  { maxLength: 60, size: 'max' },
);

const changed = (queue: Queue<number>, change: Change): Queue<number> =>
  'add' in change
    ? queue.add(change.add)
    : 'putBack' in change
      ? queue.putBack(change.putBack)
      : queue.without(change.without);

const changedArray = (items: readonly number[], change: Change): readonly number[] =>
  'add' in change
    ? [...items, change.add]
    : 'putBack' in change
      ? [...change.putBack, ...items]
      : items.slice(change.without);

describe('a queue', () => {
  it('holds what an array would hold, and an older one stays as it was', () => {
    fc.assert(
      fc.property(changes, fc.nat(70), (steps, count) => {
        const queues = [Queue.of<number>()];
        const arrays: (readonly number[])[] = [[]];
        for (const step of steps) {
          queues.push(changed(queues[queues.length - 1], step));
          arrays.push(changedArray(arrays[arrays.length - 1], step));
        }
        queues.forEach((queue, index) => {
          expect([...queue]).toEqual(arrays[index]);
          expect(queue.size).toBe(arrays[index].length);
          expect(queue.oldest(count)).toEqual(arrays[index].slice(0, count));
        });
      }),
      runs(1_000),
    );
  });

  it('is made of items without keeping the array that they came in', () => {
    const items = [1, 2, 3];
    const queue = Queue.of(items);
    items.push(4);
    expect([...queue]).toEqual([1, 2, 3]);
  });

  it('lets go of what was removed, but for a sixteenth', async () => {
    let queue = Queue.of<object>();
    const references: WeakRef<object>[] = [];
    for (let index = 0; index < 320; index++) {
      const item = { index };
      references.push(new WeakRef(item));
      queue = queue.add(item);
      if (queue.size > 160) {
        queue = queue.without(1);
      }
    }
    await collectGarbage();
    const alive = references.filter((reference) => reference.deref() !== undefined).length;
    expect(queue.size).toBe(160);
    expect(alive).toBeGreaterThanOrEqual(160);
    expect(alive).toBeLessThanOrEqual(160 + 10 + 1);
  });

  /** How much longer something takes for a large queue than for a small one: the least of several tries. */
  const timesLonger = (run: (size: number) => void, [small, large]: readonly [number, number]): number => {
    const millisOf = (size: number): number => {
      const start = performance.now();
      run(size);
      return performance.now() - start;
    };
    let least = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 20 && least > 5; tries++) {
      least = Math.min(least, millisOf(large) / millisOf(small));
    }
    return least;
  };

  it('takes an item in, and lets the oldest go, in a time that does not depend on its size', () => {
    const full = new Map(
      [1_000, 100_000].map((size) => [size, Queue.of(Array.from({ length: size }, (_, index) => index))]),
    );
    const ratio = timesLonger(
      (size) => {
        let queue = full.get(size) ?? Queue.of<number>();
        for (let step = 0; step < 4_000; step++) {
          queue = queue.add(step).without(1);
        }
        expect(queue.size).toBe(size);
      },
      [1_000, 100_000],
    );
    // To copy all that is held at each step would take about a hundred times as long.
    expect(ratio).toBeLessThan(20);
  });

  it('gives the oldest in a time that does not depend on what came later', () => {
    const later = new Map(
      [100, 100_000].map((size) => {
        let queue = Queue.of([1, 2, 3]);
        for (let index = 0; index < size; index++) {
          queue = queue.add(index);
        }
        return [size, queue];
      }),
    );
    const ratio = timesLonger(
      (size) => {
        for (let step = 0; step < 1_000; step++) {
          expect(later.get(size)?.oldest(2).length === 2).toBe(true);
        }
      },
      [100, 100_000],
    );
    expect(ratio).toBeLessThan(20);
  });
});
