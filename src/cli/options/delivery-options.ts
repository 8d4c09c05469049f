import { type DeliveryOptions, MAX_BACKOFF_BASE_MILLIS } from '../../index.js';
import type { OptionReader } from './option-reader.js';

/** Reads the flags that all deliveries have. */
export function readDeliveryOptions(options: OptionReader): DeliveryOptions {
  return {
    flushIntervalMillis: options.duration('flush-interval', 1, MAX_BACKOFF_BASE_MILLIS),
    maxBuffered: options.count('max-buffered'),
  };
}
