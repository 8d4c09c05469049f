import { describe, expect, it } from 'vitest';
import { dropOldest } from '../../src/streams/drop-oldest.js';
import { Queue } from '../../src/streams/queue.js';

describe('dropOldest', () => {
  it.each<[readonly number[], number, readonly number[], number]>([
    [[], 1, [], 0],
    [[1], 1, [1], 0],
    [[1, 2, 3], 3, [1, 2, 3], 0],
    [[1, 2, 3], 2, [2, 3], 1],
    [[1, 2, 3, 4, 5], 1, [5], 4],
  ])('%j with room for %d keeps %j and drops %d', (items, maxBuffered, kept, dropped) => {
    const result = dropOldest(Queue.of(items), maxBuffered);
    expect([[...result.kept], result.dropped]).toEqual([kept, dropped]);
  });

  it('gives back the very queue that fits', () => {
    const queue = Queue.of([1, 2]);
    expect(dropOldest(queue, 2).kept).toBe(queue);
  });
});
