import {
  concatWith,
  endWith,
  filter,
  map,
  merge,
  NEVER,
  type Observable,
  type OperatorFunction,
  scan,
  takeWhile,
} from 'rxjs';
import { requireCount } from '../options.js';
import { dropOldest } from './drop-oldest.js';
import { Queue } from './queue.js';

/** What a {@link bufferDropOldest} held when it was flushed. */
export interface DropOldestBatch<T> {
  /** Oldest first; empty if nothing came since the last flush. */
  readonly items: readonly T[];
  /** Number of items dropped since the last batch, all of them older than `items`. */
  readonly dropped: number;
}

type Input<T> =
  | { readonly type: 'item'; readonly item: T }
  | { readonly type: 'flush' }
  | { readonly type: 'end' };

interface Buffered<T> {
  readonly held: Queue<T>;
  readonly dropped: number;
  /** What this step emits; `undefined` if nothing. */
  readonly batch: DropOldestBatch<T> | undefined;
  readonly isOver: boolean;
}

const nothing = <T>(): Buffered<T> => ({ held: Queue.of(), dropped: 0, batch: undefined, isOver: false });

/**
 * Collects values and emits them as one batch whenever `flush$` emits. Keeps the newest `maxBuffered` values: when the
 * buffer is full, the oldest is dropped and counted in the next batch. On completion the rest is emitted, if there is
 * any. An error of the source or of `flush$` is passed on at once, without the rest.
 *
 * @param maxBuffered the most values kept; an integer of 1 or more
 * @param flush$ when to emit. Its completion ends nothing. It is subscribed to before the source: if it is made of the
 *   source's values, it emits before the value that causes it is kept.
 * @throws {RangeError} for a `maxBuffered` out of its range, when called
 */
export function bufferDropOldest<T>(
  maxBuffered: number,
  flush$: Observable<unknown>,
): OperatorFunction<T, DropOldestBatch<T>> {
  requireCount('maxBuffered', maxBuffered);
  const buffer = (before: Buffered<T>, input: Input<T>): Buffered<T> => {
    if (input.type === 'item') {
      const { kept, dropped } = dropOldest(before.held.add(input.item), maxBuffered);
      return { ...before, held: kept, dropped: before.dropped + dropped, batch: undefined };
    }
    const batch = { items: [...before.held], dropped: before.dropped };
    const isOver = input.type === 'end';
    return { ...nothing(), batch: isOver && batch.items.length === 0 ? undefined : batch, isOver };
  };
  return (source) =>
    merge(
      flush$.pipe(
        map((): Input<T> => ({ type: 'flush' })),
        concatWith(NEVER),
      ),
      source.pipe(
        map((item): Input<T> => ({ type: 'item', item })),
        endWith<Input<T>>({ type: 'end' }),
      ),
    ).pipe(
      scan(buffer, nothing<T>()),
      takeWhile(({ isOver }) => !isOver, true),
      map(({ batch }) => batch),
      filter((batch) => batch !== undefined),
    );
}
