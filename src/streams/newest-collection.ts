import { defer, type Observable, of, ReplaySubject, share, timer } from 'rxjs';
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
  return {
    newest$: defer(() => {
      requireSharedMemory();
      reader ??= openReader();
      return of(reader.read(scheduler.now()));
    }).pipe(
      share({
        connector: () => new ReplaySubject(1),
        resetOnComplete: () => timer(collectIntervalMillis, scheduler),
        resetOnRefCountZero: false,
      }),
    ),
    close: () => {
      reader?.close();
      reader = undefined;
    },
  };
}
