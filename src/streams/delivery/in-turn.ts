import { type MonoTypeOperatorFunction, Observable } from 'rxjs';
import { Queue } from '../queue.js';
import { untilClosed } from './until-closed.js';

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
      let waiting = Queue.of<T>();
      return source.pipe(untilClosed(subscriber)).subscribe({
        next: (value) => {
          waiting = waiting.add(value);
          // The value that is being emitted stays in the queue: more than one means that this call is a nested one.
          if (waiting.size > 1) {
            return;
          }
          while (waiting.size > 0) {
            subscriber.next(waiting.oldest(1)[0]);
            waiting = waiting.without(1);
          }
        },
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
}
