import type { Queue } from './queue.js';

/** What {@link dropOldest} leaves of a queue. */
export interface Trimmed<T> {
  readonly kept: Queue<T>;
  /** Number of items dropped, all of them older than those kept. */
  readonly dropped: number;
}

/**
 * The rule of a full buffer: keeps the newest `maxBuffered` items and drops the others, which are the oldest.
 *
 * @param maxBuffered the most items kept; an integer of 1 or more
 */
export function dropOldest<T>(items: Queue<T>, maxBuffered: number): Trimmed<T> {
  const dropped = Math.max(0, items.size - maxBuffered);
  return { kept: dropped === 0 ? items : items.without(dropped), dropped };
}
