import { Observable, type OperatorFunction } from 'rxjs';
import { HeldItems } from './held-items.js';
import { requireCount } from './options.js';

/** What a {@link bufferDropOldest} held when it was flushed. */
export interface DropOldestBatch<T> {
  /** Oldest first; empty if nothing came since the last flush. */
  readonly items: readonly T[];
  /** How many items were dropped since the last batch, all of them older than `items`. */
  readonly dropped: number;
}

/**
 * Collects values and emits them as one batch whenever `flush$` emits, keeping the newest `maxBuffered`: when full,
 * the oldest is dropped, and counted in the next batch. On completion the rest is emitted, if there is any.
 *
 * @param maxBuffered the most values kept; an integer of 1 or more
 * @param flush$ when to emit; its completion ends nothing
 * @throws {RangeError} for a `maxBuffered` out of its range, when called
 */
export function bufferDropOldest<T>(
  maxBuffered: number,
  flush$: Observable<unknown>,
): OperatorFunction<T, DropOldestBatch<T>> {
  requireCount('maxBuffered', maxBuffered);
  return (source) =>
    new Observable((subscriber) => {
      const held = new HeldItems<T>(maxBuffered);
      let dropped = 0;
      const emit = (): void => {
        const batch = { items: held.take(held.length), dropped };
        dropped = 0;
        subscriber.next(batch);
      };
      subscriber.add(flush$.subscribe({ next: emit, error: (error) => subscriber.error(error) }));
      subscriber.add(
        source.subscribe({
          next: (item) => {
            dropped += held.push(item);
          },
          error: (error) => subscriber.error(error),
          complete: () => {
            if (held.length > 0) {
              emit();
            }
            subscriber.complete();
          },
        }),
      );
    });
}
