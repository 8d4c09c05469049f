import { concatMap, defer, map, type Observable, type SchedulerLike, timer } from 'rxjs';

/** A timer that comes this much late comes after a freeze: a stopped process, a suspended machine. ms. */
const LATE_MILLIS = 100;

/** How long an answer may take to be read after a freeze, ms. */
const GRACE_MILLIS = 1_000;

/**
 * Emits when the time is up, and what has arrived until then was read.
 *
 * Timers run before sockets are read. After a freeze the timer of an export would come first, although the answer lies in
 * the socket. So one more turn is waited for, and some more after a timer that comes late.
 *
 * @param millis ms
 */
export function deadline(millis: number, scheduler: SchedulerLike): Observable<void> {
  return defer(() => {
    const dueAt = scheduler.now() + millis;
    return timer(millis, scheduler).pipe(
      concatMap(() => timer(scheduler.now() - dueAt > LATE_MILLIS ? GRACE_MILLIS : 0, scheduler)),
      map(() => undefined),
    );
  });
}
