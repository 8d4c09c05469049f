import { from, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Collection } from '../../src/shm/collection.js';
import { unseenSamples } from '../../src/streams/unseen-samples.js';
import { collectionOf, sandboxRun, sandboxRuns } from '../support/collections.js';
import { marbles } from '../support/marbles.js';

const [a, b] = sandboxRuns(2);

/** A collection of runs and the times of their samples. */
function tick(...samples: (readonly [typeof a, number])[]): Collection {
  const parts = samples.map(([run, at]) => collectionOf([run], at));
  return new Collection(
    0,
    samples.map(([run]) => run),
    Float64Array.from(parts.flatMap(({ rows }) => [...rows])),
  );
}

function unseen(...ticks: Collection[]): string[][] {
  let result: string[][] = [];
  from(ticks)
    .pipe(unseenSamples(), toArray())
    .subscribe((collections) => {
      result = collections.map((each) =>
        Array.from(each, ({ name, sampledAtMillis }) => `${name}@${sampledAtMillis}`),
      );
    });
  return result;
}

describe('unseenSamples', () => {
  it('passes a sample on once, and a tick without news on as an empty collection', () => {
    expect(
      unseen(tick([a, 1], [b, 1]), tick([a, 1], [b, 2]), tick([a, 1], [b, 2]), tick([a, 3], [b, 2])),
    ).toEqual([['sandbox-0@1', 'sandbox-1@1'], ['sandbox-1@2'], [], ['sandbox-0@3']]);
  });

  it('remembers a run through ticks in which it is missing', () => {
    expect(unseen(tick([a, 1]), tick(), tick([a, 1]), tick([a, 2]))).toEqual([
      ['sandbox-0@1'],
      [],
      [],
      ['sandbox-0@2'],
    ]);
  });

  it('takes a clock that was stepped back for news', () => {
    expect(unseen(tick([a, 5]), tick([a, 3]))).toEqual([['sandbox-0@5'], ['sandbox-0@3']]);
  });

  it('tells a restarted sandbox from its earlier run, even at the same instant', () => {
    const again = sandboxRun({ ...a, runId: 99 });
    expect(unseen(tick([a, 5]), tick([again, 5]))).toEqual([['sandbox-0@5'], ['sandbox-0@5']]);
  });

  it('passes a collection on as it is when all of it is news', () => {
    const collection = tick([a, 1], [b, 1]);
    let passed: Collection | undefined;
    of(collection)
      .pipe(unseenSamples())
      .subscribe((each) => {
        passed = each;
      });
    expect(passed).toBe(collection);
  });

  it('remembers for each subscriber alone', () => {
    const source = of(tick([a, 1])).pipe(unseenSamples());
    const sizes: number[] = [];
    source.subscribe(({ size }) => sizes.push(size));
    source.subscribe(({ size }) => sizes.push(size));
    expect(sizes).toEqual([1, 1]);
  });

  it('keeps the rhythm, the end and the failure of its source, and lets go of it', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const values = { x: tick([a, 1]), y: tick([a, 2]) };
      const source = hot('-x-y-#', values);
      expectObservable(source.pipe(unseenSamples())).toBe('-x-y-#', values);
      expectSubscriptions(source.subscriptions).toBe('^----!');
      const stopped = hot('-x-y-', values);
      expectObservable(stopped.pipe(unseenSamples()), '--!').toBe('-x-', values);
      expectSubscriptions(stopped.subscriptions).toBe('^-!');
    });
  });
});
