/** Defaults of options, in one place, where help can read them without loading what they are for. */

/** Default of `CollectionsOptions.collectIntervalMillis`. */
export const DEFAULT_COLLECT_INTERVAL_MILLIS = 1_000;

/** Default of `ReadOptions.maxSampleAgeMillis`. */
export const DEFAULT_MAX_SAMPLE_AGE_MILLIS = 30_000;

/** Defaults of `DeliveryOptions`. */
export const DELIVERY_DEFAULTS = {
  flushIntervalMillis: 10_000,
  maxBuffered: 60,
  exportTimeoutMillis: 30_000,
} as const;

/** Default of `StdoutSinkOptions.flushIntervalMillis`. */
export const DEFAULT_STDOUT_FLUSH_INTERVAL_MILLIS = 1_000;

/** Default of `StdoutSinkOptions.exportTimeoutMillis`. */
export const DEFAULT_STDOUT_EXPORT_TIMEOUT_MILLIS = 5_000;
