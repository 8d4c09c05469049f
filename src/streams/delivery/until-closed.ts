import { type MonoTypeOperatorFunction, Observable, type Subscriber, takeUntil } from 'rxjs';

/**
 * Unsubscribes from the source as soon as a subscriber is closed, also while the source is still being subscribed to:
 * a source may emit everything, or without end, before there is a subscription to unsubscribe.
 */
export function untilClosed<T>(subscriber: Subscriber<unknown>): MonoTypeOperatorFunction<T> {
  return takeUntil(
    new Observable<void>((closed) => {
      subscriber.add(() => closed.next());
    }),
  );
}
