import { type MonoTypeOperatorFunction, Observable } from 'rxjs';
import { untilClosed } from './until-closed.js';

/** Values that were emitted are removed in batches of so many: removing each would move all that wait. */
const MOST_KEPT = 1_023;

/**
 * Emits values one at a time: a value that arrives while another one is being emitted waits its turn, so that calls
 * never nest, however often what hears a value causes the next.
 *
 * RxJS has `observeOn(queueScheduler)` for this. But that queue is one for the whole program: an action of somebody
 * else on it would hold up this stream. Here each subscription has a queue of its own.
 */
export function inTurn<T>(): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      const waiting: T[] = [];
      return source.pipe(untilClosed(subscriber)).subscribe({
        next: (value) => {
          // The value that is being emitted stays in the queue: more than one means that this call is a nested one.
          if (waiting.push(value) > 1) {
            return;
          }
          for (let turn = 0; turn < waiting.length; turn++) {
            subscriber.next(waiting[turn]);
            if (turn === MOST_KEPT) {
              waiting.splice(0, turn + 1);
              turn = -1;
            }
          }
          waiting.length = 0;
        },
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
}
