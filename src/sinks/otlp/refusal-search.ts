import type { Collection } from '../../shm/collection.js';

/**
 * The most refusals that are spent on finding the bad rows of one collection. Each bad row costs about the binary
 * logarithm of the number of rows: 10 for 1,000 sandboxes.
 */
export const MAX_SEARCH_REFUSALS = 48;

/**
 * A receiver that refused every row of a collection of at least so many may refuse everything. Fewer rows say nothing:
 * they may be just the sandboxes whose samples are bad.
 */
const ROWS_THAT_TELL = 4;

/** The search in one collection that was refused alone. */
interface SearchedCollection {
  /** Identifies the collection, because its parts are objects of their own. */
  readonly collectedAtMillis: number;
  /** Rows of the whole collection. */
  readonly size: number;
  /** Rows of the next part. */
  readonly rows: number;
  readonly refusals: number;
  /** Whether the receiver has accepted any part. */
  readonly hasAccepted: boolean;
}

/** What is known of the data that a receiver refuses. Immutable. */
export interface RefusalSearch {
  /** How many of the oldest collections go out one by one, because they were refused together. */
  readonly toSendAlone: number;
  readonly searched: SearchedCollection | undefined;
  /** The most refusals that may be spent on the next collection: halved after each one refused with all its rows. */
  readonly maxRefusals: number;
}

/** Nothing was refused. */
export const NOTHING_REFUSED: RefusalSearch = {
  toSendAlone: 0,
  searched: undefined,
  maxRefusals: MAX_SEARCH_REFUSALS,
};

/** What one request is to hold. */
export interface Part {
  readonly collections: readonly Collection[];
  /** The rows of the batch's only collection that do not go out with this request; `undefined` if all do. */
  readonly remainder: Collection | undefined;
  /** Whether the sidecar's own metrics go with it. */
  readonly hasOwnMetrics: boolean;
}

/** What a refusal means for a part. */
export type RefusalOutcome =
  /** Send it again, in smaller parts. */
  | 'split'
  /** Give its rows up, and go on with the remainder. */
  | { readonly givenUp: Collection; readonly remainder: Collection }
  /** Give all of it up. */
  | 'given up';

/**
 * How many of the oldest collections go out together, by what was refused; `undefined` if nothing limits it.
 * Collections without a row go together: they hold nothing that could be refused.
 */
export function collectionsTogether(
  { toSendAlone }: RefusalSearch,
  held: readonly Collection[],
): number | undefined {
  if (toSendAlone === 0) {
    return undefined;
  }
  const firstWithRows = held.slice(0, toSendAlone).findIndex(({ size }) => size > 0);
  return firstWithRows === -1 ? Math.min(held.length, toSendAlone) : Math.max(1, firstWithRows);
}

/**
 * Plans the next request for a batch: all of it, or the first rows of its only collection.
 *
 * @param rowsThatFit how many rows of a collection one request may hold
 */
export function planPart(
  search: RefusalSearch,
  batch: readonly Collection[],
  rowsThatFit: (collection: Collection) => number,
): Part {
  const [first] = batch;
  const isAlone = batch.length === 1;
  const rows = isAlone ? Math.min(searchedIn(search, first)?.rows ?? Infinity, rowsThatFit(first)) : 0;
  const isPart = isAlone && rows < first.size;
  const collections = isPart ? [first.slice(0, rows)] : batch;
  return {
    collections,
    remainder: isPart ? first.slice(rows) : undefined,
    hasOwnMetrics: search.toSendAlone === 0 || !haveRows(collections),
  };
}

/** What an acceptance teaches. */
export function learnFromAcceptance(search: RefusalSearch, { collections, remainder }: Part): RefusalSearch {
  const learned = haveRows(collections) ? { ...search, maxRefusals: MAX_SEARCH_REFUSALS } : search;
  if (remainder === undefined) {
    return settled(learned, collections.length);
  }
  const searched = searchedIn(search, collections[0]);
  return {
    ...learned,
    searched: searched && { ...searched, hasAccepted: true, rows: searched.rows * 2 },
  };
}

/** What a refusal teaches, and what becomes of the part. */
export function learnFromRefusal(
  search: RefusalSearch,
  { collections, remainder, hasOwnMetrics }: Part,
): readonly [RefusalSearch, RefusalOutcome] {
  if (!haveRows(collections)) {
    return [settled(search, collections.length), 'given up'];
  }
  if (hasOwnMetrics) {
    // The own metrics may be what is refused: the collections go out again without them, one by one.
    return [{ ...search, toSendAlone: collections.length }, 'split'];
  }
  const [collection] = collections;
  const rows = collection.size;
  const before = searchedIn(search, collection) ?? {
    collectedAtMillis: collection.collectedAtMillis,
    size: rows + (remainder?.size ?? 0),
    rows,
    refusals: 0,
    hasAccepted: false,
  };
  const searched = { ...before, refusals: before.refusals + 1 };
  const isHopeless = searched.refusals > search.maxRefusals;
  if (rows > 1 && !isHopeless) {
    return [{ ...search, searched: { ...searched, rows: Math.ceil(rows / 2) } }, 'split'];
  }
  const rest = remainder ?? (searched.hasAccepted ? collection.slice(rows) : undefined);
  if (rest !== undefined && !isHopeless) {
    return [
      { ...search, searched },
      { givenUp: collection, remainder: rest },
    ];
  }
  const refusesAll = !searched.hasAccepted && searched.size >= ROWS_THAT_TELL;
  const maxRefusals = refusesAll ? Math.floor(search.maxRefusals / 2) : search.maxRefusals;
  return [settled({ ...search, maxRefusals }, 1), 'given up'];
}

/** Collections are done with, accepted or given up. */
function settled(search: RefusalSearch, collections: number): RefusalSearch {
  return { ...search, searched: undefined, toSendAlone: Math.max(0, search.toSendAlone - collections) };
}

function searchedIn(
  { searched }: RefusalSearch,
  collection: Collection | undefined,
): SearchedCollection | undefined {
  return searched?.collectedAtMillis === collection?.collectedAtMillis ? searched : undefined;
}

function haveRows(collections: readonly Collection[]): boolean {
  return collections.some(({ size }) => size > 0);
}
