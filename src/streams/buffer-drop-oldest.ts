import {
  concatWith,
  defer,
  endWith,
  filter,
  ignoreElements,
  map,
  merge,
  NEVER,
  type Observable,
  type OperatorFunction,
  takeWhile,
  tap,
} from 'rxjs';
import { requireCount } from '../options.js';
import { HeldItems } from './held-items.js';

/** What a {@link bufferDropOldest} held when it was flushed. */
export interface DropOldestBatch<T> {
  /** Oldest first; empty if nothing came since the last flush. */
  readonly items: readonly T[];
  /** How many items were dropped since the last batch, all of them older than `items`. */
  readonly dropped: number;
}

/**
 * Collects values and emits them as one batch whenever `flush$` emits, keeping the newest `maxBuffered`: when full,
 * the oldest is dropped, and counted in the next batch. On completion the rest is emitted, if there is any; a failure,
 * of the source or of `flush$`, is passed on at once, and what was kept is gone.
 *
 * @param maxBuffered the most values kept; an integer of 1 or more
 * @param flush$ when to emit; its completion ends nothing. It is subscribed to before the source: one that is made of
 *   the source's values emits before the value that causes it is kept
 * @throws {RangeError} for a `maxBuffered` out of its range, when called
 */
export function bufferDropOldest<T>(
  maxBuffered: number,
  flush$: Observable<unknown>,
): OperatorFunction<T, DropOldestBatch<T>> {
  requireCount('maxBuffered', maxBuffered);
  return (source) =>
    defer(() => {
      const held = new HeldItems<T>(maxBuffered);
      let dropped = 0;
      const end$ = source.pipe(
        tap((item) => {
          dropped += held.push(item);
        }),
        ignoreElements(),
        endWith('end' as const),
      );
      return merge(
        flush$.pipe(
          map(() => 'flush' as const),
          concatWith(NEVER),
        ),
        end$,
      ).pipe(
        takeWhile((cause) => cause !== 'end', true),
        filter((cause) => cause === 'flush' || held.length > 0),
        map(() => {
          const batch = { items: held.take(held.length), dropped };
          dropped = 0;
          return batch;
        }),
      );
    });
}
