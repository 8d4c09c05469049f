import { interval, map, merge, NEVER, type Observable, type SchedulerLike } from 'rxjs';
import { requireDelay } from '../options.js';
import { MAX_BACKOFF_BASE_MILLIS } from './backoff.js';

/** Why a flush is due: its time has come, or somebody asked. */
export type FlushCause = 'scheduled' | 'explicit';

/** Options of {@link flushCadence}. */
export interface FlushCadenceOptions {
  /** Milliseconds from one scheduled flush to the next, the first after one interval. 1 to 67,108,863. */
  readonly flushIntervalMillis: number;
  /**
   * Any value asks for a flush at once; the scheduled ones go on as they would have. Its failure is that of the
   * cadence. Default: none.
   */
  readonly flush$?: Observable<unknown> | undefined;
  /** Times the scheduled flushes. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Emits whenever a flush is due. Never completes.
 *
 * @throws {RangeError} for an interval out of its range, when called
 */
export function flushCadence(options: FlushCadenceOptions): Observable<FlushCause> {
  const { flushIntervalMillis, flush$ = NEVER, scheduler } = options;
  requireDelay('flushIntervalMillis', flushIntervalMillis, MAX_BACKOFF_BASE_MILLIS);
  return merge(
    interval(flushIntervalMillis, scheduler).pipe(map(() => 'scheduled' as const)),
    flush$.pipe(map(() => 'explicit' as const)),
  );
}
