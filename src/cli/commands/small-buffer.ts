import type { CollectionsOptions, DeliveryOptions } from '../../index.js';
import type { Log } from '../log.js';

/** Warns of a buffer too small for one flush interval: it drops collections for ever, however well the backend is. */
export function warnOfSmallBuffer(collect: CollectionsOptions, delivery: DeliveryOptions, log: Log): void {
  const { collectIntervalMillis = 1, flushIntervalMillis = 1, maxBuffered = 1 } = { ...collect, ...delivery };
  const aFlush = Math.ceil(flushIntervalMillis / collectIntervalMillis);
  if (aFlush > maxBuffered) {
    log('warn', 'msb_metrics', 'the buffer is too small for a flush interval: collections will be dropped', {
      collections_a_flush: aFlush,
      max_buffered: maxBuffered,
    });
  }
}
