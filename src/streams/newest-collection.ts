import { defer, type Observable, of } from 'rxjs';
import type { Collection } from '../shm/collection.js';
import { requireSharedMemory } from '../shm/posix.js';
import { type CollectionReader, type CollectionsOptions, completeCollectionsOptions } from './collections.js';

/** Collections that are made when they are asked for. */
export interface NewestCollection {
  /**
   * Emits one collection and completes: a new reading, or the last one if it is younger than the collect interval. So any
   * number of subscribers at once cost one reading. Its only error is an {@link UnsupportedSystemError}.
   */
  readonly newest$: Observable<Collection>;
  /** Closes the registries. A later subscriber opens them again. */
  close(): void;
}

/**
 * Reads the registries of an MSB_HOME when asked, and at most once a collect interval: for those who pull, where
 * `collections` is for those who push. Keeps the registries open from reading to reading.
 *
 * @throws {RangeError} for an option out of its range
 */
export function newestCollection(options: CollectionsOptions): NewestCollection {
  const { collectIntervalMillis, scheduler, openReader } = completeCollectionsOptions(options);
  let reader: CollectionReader | undefined;
  let newest: Collection | undefined;
  const isFresh = ({ collectedAtMillis }: Collection, nowMillis: number): boolean => {
    const ageMillis = nowMillis - collectedAtMillis;
    // The clock may have been stepped back.
    return ageMillis >= 0 && ageMillis < collectIntervalMillis;
  };
  return {
    newest$: defer(() => {
      requireSharedMemory();
      const nowMillis = scheduler.now();
      if (newest === undefined || !isFresh(newest, nowMillis)) {
        reader ??= openReader();
        newest = reader.read(nowMillis);
      }
      return of(newest);
    }),
    close: () => {
      reader?.close();
      reader = undefined;
      newest = undefined;
    },
  };
}
