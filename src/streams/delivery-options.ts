import { asyncScheduler, NEVER, type Observable, type SchedulerLike } from 'rxjs';
import { DELIVERY_DEFAULTS } from '../defaults.js';
import { requireCount, requireDelay } from '../options.js';
import { MAX_BACKOFF_BASE_MILLIS } from './backoff.js';

/** Options of `deliver`. */
export interface DeliveryOptions {
  /** Milliseconds from one scheduled flush to the next. Default 10,000; 1 to 67,108,863. */
  readonly flushIntervalMillis?: number | undefined;
  /** The most items held; beyond it the oldest is dropped. Default 60; an integer of 1 or more. */
  readonly maxBuffered?: number | undefined;
  /** The longest that one export may take, and the whole of the drain, ms. Default 30,000; 1 to 2,147,483,647. */
  readonly exportTimeoutMillis?: number | undefined;
  /**
   * Each value flushes at once, even in a backoff. It is subscribed to before the source: a flush that is itself made of
   * the source's values goes before the value that requests it. It must not fail: its error would be the stream's.
   * Default: none.
   */
  readonly flush$?: Observable<unknown> | undefined;
  /** Times flushes, waits and timeouts, and gives the wall-clock time. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike | undefined;
}

/** {@link DeliveryOptions} with their defaults filled in. */
export type CompleteDeliveryOptions = {
  readonly [Name in keyof DeliveryOptions]-?: NonNullable<DeliveryOptions[Name]>;
};

/**
 * Checks delivery options and fills in their defaults.
 *
 * @throws {RangeError} for an option out of its range
 */
export function completeDeliveryOptions(options: DeliveryOptions): CompleteDeliveryOptions {
  const {
    flushIntervalMillis = DELIVERY_DEFAULTS.flushIntervalMillis,
    maxBuffered = DELIVERY_DEFAULTS.maxBuffered,
    exportTimeoutMillis = DELIVERY_DEFAULTS.exportTimeoutMillis,
    flush$ = NEVER,
    scheduler = asyncScheduler,
  } = options;
  requireDelay('flushIntervalMillis', flushIntervalMillis, MAX_BACKOFF_BASE_MILLIS);
  requireCount('maxBuffered', maxBuffered);
  requireDelay('exportTimeoutMillis', exportTimeoutMillis);
  return { flushIntervalMillis, maxBuffered, exportTimeoutMillis, flush$, scheduler };
}
