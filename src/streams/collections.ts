import { inspect } from 'node:util';
import { asyncScheduler, map, type Observable, type SchedulerLike, timer, using } from 'rxjs';
import { Catalog, type LabelOptions } from '../catalog/catalog.js';
import { DEFAULT_COLLECT_INTERVAL_MILLIS } from '../defaults.js';
import { requireDelay, requireText, requireTexts } from '../options.js';
import type { Collection } from '../shm/collection.js';
import { requireSharedMemory } from '../shm/posix.js';
import { type ReadOptions, Registries, requireReadOptions } from '../shm/read-collection.js';

/** Options of {@link collections}. */
export interface CollectionsOptions extends ReadOptions {
  /** The MSB_HOME, exactly as msb has it: its bytes make the registry's name. */
  readonly msbHome: string;
  /**
   * Whether sandboxes get their labels from msb's catalog, and which keys are left out. Best effort: `collection.catalog` says
   * what was found. Default: all labels; `false` does not look at the catalog.
   */
  readonly labels?: boolean | LabelOptions | undefined;
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
  /** Makes a reader of registries and of the catalog. */
  readonly openReader: () => CollectionReader;
} {
  const {
    msbHome,
    collectIntervalMillis = DEFAULT_COLLECT_INTERVAL_MILLIS,
    scheduler = asyncScheduler,
  } = options;
  requireText('msbHome', msbHome);
  requireDelay('collectIntervalMillis', collectIntervalMillis);
  requireReadOptions(options);
  const { labels = true } = options;
  requireLabels(labels);
  return {
    msbHome,
    collectIntervalMillis,
    scheduler,
    openReader: () => openReader(options, labels),
  };
}

function requireLabels(labels: unknown): void {
  if (typeof labels === 'boolean') {
    return;
  }
  if (typeof labels !== 'object' || labels === null) {
    throw new RangeError(`labels: expected true, false or { excludeKeys }, got ${inspect(labels)}`);
  }
  const unknown = Object.keys(labels).find((name) => name !== 'excludeKeys');
  if (unknown !== undefined) {
    throw new RangeError(`labels: expected { excludeKeys }, got ${inspect(unknown)} in it`);
  }
  const { excludeKeys = [] } = labels as { readonly excludeKeys?: unknown };
  if (!Array.isArray(excludeKeys)) {
    throw new RangeError(`labels.excludeKeys: expected an array of texts, got ${inspect(excludeKeys)}`);
  }
  requireTexts('labels.excludeKeys', { ...excludeKeys });
}

/** Reads collections, with labels. */
export interface CollectionReader {
  /** @param nowMillis wall-clock time, Unix ms */
  read(nowMillis: number): Collection;
  close(): void;
}

function openReader(options: CollectionsOptions, labels: boolean | LabelOptions): CollectionReader {
  const registries = new Registries(options.msbHome);
  const catalog =
    labels === false
      ? undefined
      : new Catalog(options.msbHome, options.registryOwnerUid, labels === true ? {} : labels);
  return {
    read: (nowMillis) => {
      const collection = registries.read(nowMillis, options);
      return catalog?.label(collection) ?? collection;
    },
    close: () => {
      registries.close();
      catalog?.close();
    },
  };
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
  const { collectIntervalMillis, scheduler, openReader: open } = completeCollectionsOptions(options);
  return using(
    () => {
      requireSharedMemory();
      const reader = open();
      return { reader, unsubscribe: () => reader.close() };
    },
    (resource) => {
      const { reader } = resource as unknown as { reader: CollectionReader };
      return timer(0, collectIntervalMillis, scheduler).pipe(map(() => reader.read(scheduler.now())));
    },
  );
}
