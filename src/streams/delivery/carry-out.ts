import { Observable, type OperatorFunction } from 'rxjs';
import type { DeliveryEvent } from '../delivery-events.js';
import type { DeliveryCommand, DeliveryEffect } from './effect.js';
import { untilClosed } from './until-closed.js';

/**
 * Carries effects out, in their order: emits the events, ends the stream, and hands on the commands.
 *
 * @param command called with each command
 */
export function carryOut<T>(
  command: (command: DeliveryCommand<T>) => void,
): OperatorFunction<readonly DeliveryEffect<T>[], DeliveryEvent> {
  return (effects$) =>
    new Observable((subscriber) =>
      effects$.pipe(untilClosed(subscriber)).subscribe({
        next: (effects) => {
          for (const effect of effects) {
            if (effect.type === 'emit') {
              subscriber.next(effect.event);
            } else if (effect.type !== 'end') {
              command(effect);
            } else if (effect.end.kind === 'C') {
              subscriber.complete();
            } else {
              subscriber.error(effect.end.error);
            }
          }
        },
        error: (error) => subscriber.error(error),
      }),
    );
}
