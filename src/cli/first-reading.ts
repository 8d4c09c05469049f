import { lastValueFrom, take, takeWhile } from 'rxjs';
import { type Collection, type CollectionsOptions, collections, totalSkipped } from '../index.js';

/** How many readings are made at most: of sandboxes whose process cannot be seen one does not tell whether they live. */
const MAX_READINGS = 3;

/** The longest between two of them, ms: the runtime takes a sample a second. */
const MAX_INTERVAL_MILLIS = 1_000;

/**
 * One reading for people. Where every row is left out because its process cannot be seen from here, it is the second or
 * the third: a sample that advances is alive.
 *
 * @throws {UnsupportedSystemError} by rejecting, where shared memory cannot be read at all
 */
export function firstReading(options: CollectionsOptions): Promise<Collection> {
  const { collectIntervalMillis = MAX_INTERVAL_MILLIS } = options;
  return lastValueFrom(
    collections({
      ...options,
      collectIntervalMillis: Math.min(collectIntervalMillis, MAX_INTERVAL_MILLIS),
    }).pipe(
      take(MAX_READINGS),
      takeWhile((collection) => collection.size === 0 && mayLive(collection), true),
    ),
  );
}

const mayLive = ({ registries }: Collection): boolean =>
  registries.some(({ skipped }) => skipped.processGone > 0 && totalSkipped(skipped) === skipped.processGone);
