import {
  defer,
  type MonoTypeOperatorFunction,
  merge,
  NEVER,
  type Observable,
  retry,
  type SchedulerLike,
  take,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { MAX_DELAY_MILLIS, requireDelay } from '../options.js';

/** The most that the wait between two attempts grows to, in multiples of the base. */
export const MAX_BACKOFF_MULTIPLE = 32;

/** The longest base whose {@link MAX_BACKOFF_MULTIPLE}-fold a timer keeps, ms: 18 hours and 38 minutes. */
export const MAX_BACKOFF_BASE_MILLIS = Math.floor(MAX_DELAY_MILLIS / MAX_BACKOFF_MULTIPLE);

/**
 * How long to wait after a failure: the base x 1, 2, 4, ... for the first, second, third failure in a row, up to
 * x 32; no shorter than what the receiver asked for, which is itself heeded up to x 32.
 *
 * @param baseMillis the base, ms
 * @param failures failures in a row, the latest included: 1 or more
 * @param retryAfterMillis what the receiver asked for, ms; default 0, as which NaN counts too
 */
export function backoffMillis(baseMillis: number, failures: number, retryAfterMillis = 0): number {
  const multiple = Math.min(2 ** (failures - 1), MAX_BACKOFF_MULTIPLE);
  const askedMillis = retryAfterMillis > 0 ? retryAfterMillis : 0;
  return Math.max(baseMillis * multiple, Math.min(askedMillis, baseMillis * MAX_BACKOFF_MULTIPLE));
}

/** Options of {@link retryWithBackoff}. */
export interface BackoffOptions<T> {
  /** The wait after a first failure, ms. 1 to 67,108,863. */
  readonly baseMillis: number;
  /** Any value ends a wait at once; its failure takes the place of the source's. Default: never. */
  readonly attemptNow$?: Observable<unknown> | undefined;
  /**
   * Any value ends a wait, and the stream with it: it completes. Its failure takes the place of the source's. Default:
   * never.
   */
  readonly giveUp$?: Observable<unknown> | undefined;
  /** The wait that an error itself asks for, ms. Default: none. */
  readonly retryAfterMillis?: ((error: unknown) => number) | undefined;
  /** Which values are a success, and start the count of failures anew. Default: every one. */
  readonly isSuccess?: ((value: T) => boolean) | undefined;
  /** Times the waits. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Subscribes again to a source that failed, after a wait that doubles with every failure in a row, up to 32 times
 * the base; see {@link backoffMillis}. There is no jitter: each process's waits start from its own failures, so a
 * fleet stays spread. What the source emits is passed on; its completion completes.
 *
 * @throws {RangeError} for a base out of its range, when called
 */
export function retryWithBackoff<T>(options: BackoffOptions<T>): MonoTypeOperatorFunction<T> {
  const { baseMillis, attemptNow$ = NEVER, giveUp$ = NEVER, scheduler } = options;
  const { retryAfterMillis = () => 0, isSuccess = () => true } = options;
  requireDelay('baseMillis', baseMillis, MAX_BACKOFF_BASE_MILLIS);
  return (source) =>
    defer(() => {
      let failures = 0;
      return source.pipe(
        tap((value) => {
          failures = isSuccess(value) ? 0 : failures;
        }),
        retry({
          delay: (error) => {
            failures++;
            return merge(
              timer(backoffMillis(baseMillis, failures, retryAfterMillis(error)), scheduler),
              attemptNow$,
            ).pipe(take(1), takeUntil(giveUp$));
          },
        }),
      );
    });
}
