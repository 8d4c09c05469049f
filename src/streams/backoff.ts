import { MAX_DELAY_MILLIS } from '../options.js';

/** The most that the wait between two attempts grows to, in multiples of the base. */
export const MAX_BACKOFF_MULTIPLE = 32;

/** The longest base whose {@link MAX_BACKOFF_MULTIPLE}-fold a timer keeps, ms: 18 hours and 38 minutes. */
export const MAX_BACKOFF_BASE_MILLIS = Math.floor(MAX_DELAY_MILLIS / MAX_BACKOFF_MULTIPLE);

/**
 * The wait after a failure, ms: the base x 1, 2, 4, ... for the first, second, third failure in a row, at most x 32.
 * It is not shorter than the wait that the receiver asked for, of which at most 32 x the base counts.
 *
 * There is no jitter: the waits of each process start from its own failures, so a fleet stays spread.
 *
 * @param baseMillis the base, ms
 * @param failures failures in a row, the latest included: 1 or more
 * @param retryAfterMillis the wait that the receiver asked for, ms. Default 0. NaN counts as 0.
 */
export function backoffMillis(baseMillis: number, failures: number, retryAfterMillis = 0): number {
  const multiple = Math.min(2 ** (failures - 1), MAX_BACKOFF_MULTIPLE);
  return Math.max(baseMillis * multiple, askedWaitMillis(baseMillis, retryAfterMillis));
}

/**
 * What counts of the wait that a receiver asked for, ms: at most 32 x the base; 0 for a negative one and for NaN.
 *
 * @param baseMillis the base of the backoff, ms
 */
export function askedWaitMillis(baseMillis: number, retryAfterMillis: number): number {
  return retryAfterMillis > 0 ? Math.min(retryAfterMillis, baseMillis * MAX_BACKOFF_MULTIPLE) : 0;
}
