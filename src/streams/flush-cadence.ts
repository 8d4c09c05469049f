import {
  interval,
  map,
  merge,
  NEVER,
  type Observable,
  retry,
  type SchedulerLike,
  startWith,
  switchMap,
  take,
  throwError,
  timer,
} from 'rxjs';
import { requireDelay } from '../options.js';
import { MAX_BACKOFF_BASE_MILLIS } from './backoff.js';

/** Why a flush is due: its time has come, or it was requested. */
export type FlushCause = 'scheduled' | 'explicit';

/** Options of {@link flushCadence}. */
export interface FlushCadenceOptions {
  /** Milliseconds from one scheduled flush to the next, the first after one interval. 1 to 67,108,863. */
  readonly flushIntervalMillis: number;
  /**
   * Each value requests a flush at once. The scheduled flushes stay where they are. An error of it is an error of the
   * cadence. Default: none.
   */
  readonly flush$?: Observable<unknown> | undefined;
  /**
   * Each value is a wait in ms that interrupts the scheduled flushes: the next one comes after that wait, or after one
   * interval where that is longer, and the others at every interval from there. A wait that comes during a wait takes
   * its place. Must be hot, because it is subscribed to again for every wait. Default: none.
   */
  readonly backOff$?: Observable<number> | undefined;
  /** Each value ends a wait, if there is one: the next scheduled flush comes one interval later. Default: none. */
  readonly resume$?: Observable<unknown> | undefined;
  /** Times the scheduled flushes and the waits. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike | undefined;
}

/** Carries a wait through `retry`. */
class Wait {
  constructor(readonly millis: number) {}
}

/**
 * Emits whenever a flush is due. Never completes.
 *
 * @throws {RangeError} for an interval out of its range, when called
 */
export function flushCadence(options: FlushCadenceOptions): Observable<FlushCause> {
  const { flushIntervalMillis, flush$ = NEVER, backOff$ = NEVER, resume$ = NEVER, scheduler } = options;
  requireDelay('flushIntervalMillis', flushIntervalMillis, MAX_BACKOFF_BASE_MILLIS);
  const steady$ = resume$.pipe(
    startWith(undefined),
    switchMap(() => interval(flushIntervalMillis, scheduler)),
  );
  const interrupted$ = backOff$.pipe(
    map((millis): never => {
      throw new Wait(millis);
    }),
  );
  // The interval that follows is the last part of the wait.
  const firstPart = (waitMillis: number) => timer(Math.max(0, waitMillis - flushIntervalMillis), scheduler);
  const scheduled$ = merge(steady$, interrupted$).pipe(
    retry({
      delay: (error) =>
        error instanceof Wait
          ? merge(backOff$.pipe(startWith(error.millis), switchMap(firstPart)), resume$).pipe(take(1))
          : throwError(() => error),
    }),
  );
  return merge(scheduled$.pipe(map(() => 'scheduled' as const)), flush$.pipe(map(() => 'explicit' as const)));
}
