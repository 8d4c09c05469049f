import { asyncScheduler, map, type Observable, type SchedulerLike, timer, using } from 'rxjs';
import { DEFAULT_COLLECT_INTERVAL_MILLIS } from '../defaults.js';
import { requireDelay, requireText } from '../options.js';
import type { Collection } from '../shm/collection.js';
import { requireSharedMemory } from '../shm/posix.js';
import { type ReadOptions, Registries, requireReadOptions } from '../shm/read-collection.js';

/** Options of {@link collections}. */
export interface CollectionsOptions extends ReadOptions {
  /** The MSB_HOME, exactly as msb has it: its bytes make the registry's name. */
  readonly msbHome: string;
  /** Milliseconds from one reading to the next. Default 1,000; 1 to 2,147,483,647. */
  readonly collectIntervalMillis?: number | undefined;
  /** Gives ticks and their wall-clock times. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Checks the options of collections and fills in their defaults.
 *
 * @throws {RangeError} for an option out of its range
 */
export function completeCollectionsOptions(options: CollectionsOptions): {
  readonly msbHome: string;
  readonly collectIntervalMillis: number;
  readonly scheduler: SchedulerLike;
} {
  const {
    msbHome,
    collectIntervalMillis = DEFAULT_COLLECT_INTERVAL_MILLIS,
    scheduler = asyncScheduler,
  } = options;
  requireText('msbHome', msbHome);
  requireDelay('collectIntervalMillis', collectIntervalMillis);
  requireReadOptions(options);
  return { msbHome, collectIntervalMillis, scheduler };
}

/**
 * A cold observable of collections. Each subscription opens the registries of an MSB_HOME itself, reads them at once and
 * then at every interval, and closes them when it ends. It never completes, and no state of the registries makes it fail:
 * `collection.registries` says what was found. Only a system that cannot read shared memory at all is an error of the
 * stream, an {@link UnsupportedSystemError}.
 *
 * Use `share()` to feed several subscribers from one reading.
 *
 * @throws {RangeError} for an option out of its range, when called
 */
export function collections(options: CollectionsOptions): Observable<Collection> {
  const { msbHome, collectIntervalMillis, scheduler } = completeCollectionsOptions(options);
  return using(
    () => {
      requireSharedMemory();
      const registries = new Registries(msbHome);
      return { registries, unsubscribe: () => registries.close() };
    },
    (resource) => {
      const { registries } = resource as unknown as { registries: Registries };
      return timer(0, collectIntervalMillis, scheduler).pipe(
        map(() => registries.read(scheduler.now(), options)),
      );
    },
  );
}
