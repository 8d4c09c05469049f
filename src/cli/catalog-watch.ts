import type { CatalogStatus, Collection } from '../index.js';
import type { WatchRecord } from './registry-watch.js';

/** The log target of what concerns labels. */
export const CATALOG_TARGET = 'msb_metrics::catalog';

/** What is known of a catalog that gives no labels. Immutable. */
export interface CatalogWatch {
  /** The trouble that was warned of; empty for none. */
  readonly message: string;
  /** Whether the catalog was busy at the last tick: for a moment that is normal, and not worth a line. */
  readonly wasBusy: boolean;
  /** The sandboxes with bad labels that were warned of, the newest last. */
  readonly warnedOf: ReadonlySet<string>;
}

/** All is well. */
export const CATALOG_WELL: CatalogWatch = { message: '', wasBusy: false, warnedOf: new Set() };

/** How many sandboxes are named in one record. */
const MOST_NAMED = 5;

/** How many sandboxes are remembered: beyond that the oldest may be warned of again. */
const MOST_REMEMBERED = 1_000;

/**
 * Warns once when labels cannot be had, and says once when they can be had again; the same of each sandbox with bad labels. A
 * sandbox that stops is not well again.
 */
export function watchCatalog(
  watch: CatalogWatch,
  collection: Collection,
): readonly [CatalogWatch, readonly WatchRecord[]] {
  const { catalog } = collection;
  if (catalog === undefined) {
    return [watch, []];
  }
  const wasBusy = catalog.state === 'busy';
  const message = wasBusy && !watch.wasBusy ? watch.message : catalog.message;
  const records = message === watch.message ? [] : [recordOf(catalog)];
  if (catalog.bad.length === 0 && watch.warnedOf.size === 0) {
    return [{ ...watch, message, wasBusy }, records];
  }
  const bad = new Set(catalog.bad.map(({ sandbox }) => sandbox));
  const fresh = catalog.bad.filter(({ sandbox }) => !watch.warnedOf.has(sandbox));
  const isWell = ({ name }: { readonly name: string }): boolean =>
    catalog.state === 'read' && catalog.isComplete && watch.warnedOf.has(name) && !bad.has(name);
  const mended = collection.runs.filter(isWell).map(({ name }) => name);
  if (fresh.length > 0) {
    const named = fresh.slice(0, MOST_NAMED).map(({ sandbox, reason }) => `${sandbox}: ${reason}`);
    records.push({
      level: 'warn',
      message: 'sandboxes get no labels: look at their configurations with msb inspect',
      fields: { sandboxes: listed(named, fresh.length) },
    });
  }
  if (mended.length > 0) {
    records.push({
      level: 'info',
      message: 'sandboxes have their labels again',
      fields: { sandboxes: listed(mended.slice(0, MOST_NAMED), mended.length) },
    });
  }
  const warnedOf = [...watch.warnedOf, ...fresh.map(({ sandbox }) => sandbox)].filter(
    (name) => !mended.includes(name),
  );
  return [{ message, wasBusy, warnedOf: new Set(warnedOf.slice(-MOST_REMEMBERED)) }, records];
}

function recordOf({ state, message }: CatalogStatus): WatchRecord {
  if (message === '') {
    return { level: 'info', message: "msb's catalog can be read again: sandboxes have their labels" };
  }
  const what = state === 'busy' ? 'labels are not up to date' : 'sandboxes get no labels';
  return { level: 'warn', message: `${what}: ${message}` };
}

function listed(named: readonly string[], count: number): string {
  const more = count - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
