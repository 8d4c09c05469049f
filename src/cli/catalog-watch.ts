import type { CatalogStatus } from '../index.js';
import type { WatchRecord } from './registry-watch.js';

/** The log target of what concerns labels. */
export const CATALOG_TARGET = 'msb_metrics::catalog';

/** What is known of a catalog that gives no labels. Immutable. */
export interface CatalogWatch {
  /** The trouble that was warned of; empty for none. */
  readonly message: string;
  /** Whether sandboxes with bad labels were warned of. */
  readonly hasBad: boolean;
}

/** All is well. */
export const CATALOG_WELL: CatalogWatch = { message: '', hasBad: false };

/** Warns once when labels cannot be had, and says once when they can be had again; the same of single sandboxes. */
export function watchCatalog(
  watch: CatalogWatch,
  catalog: CatalogStatus | undefined,
): readonly [CatalogWatch, readonly WatchRecord[]] {
  if (catalog === undefined) {
    return [watch, []];
  }
  const { state, message, bad } = catalog;
  const hasBad = bad.length > 0;
  const records: WatchRecord[] = [];
  if (message !== watch.message) {
    records.push(
      message === ''
        ? { level: 'info', message: "msb's catalog can be read again: sandboxes have their labels" }
        : {
            level: 'warn',
            message:
              state === 'busy'
                ? `labels are not up to date: ${message}`
                : `sandboxes get no labels: ${message}`,
          },
    );
  }
  if (hasBad && !watch.hasBad) {
    records.push({
      level: 'warn',
      message: 'a sandbox gets no labels: look at its configuration with msb inspect',
      fields: { sandbox: bad.map(({ sandbox }) => sandbox).join(', '), reason: bad[0].reason },
    });
  } else if (!hasBad && watch.hasBad && message === '') {
    records.push({ level: 'info', message: 'all sandboxes have their labels again' });
  }
  return [{ message, hasBad }, records];
}
