import type { CatalogStatus } from '../shm/catalog-status.js';
import type { TrustedOwner } from '../shm/trust.js';
import { asCatalogError, catalogFiles, catalogPath, openCatalog } from './catalog-file.js';
import { CatalogQuery } from './catalog-query.js';

/** What a catalog is, for people. */
export interface CatalogFacts extends Omit<CatalogStatus, 'bad' | 'isComplete'> {
  readonly path: string;
  /** The newest migration that msb has made; `undefined` where it cannot be read. */
  readonly migration: string | undefined;
}

/** Looks at the catalog of an MSB_HOME. Never throws. */
export function catalogFacts(msbHome: string, trusted: TrustedOwner): CatalogFacts {
  const path = catalogPath(msbHome);
  try {
    const database = openCatalog(path, catalogFiles(path, trusted));
    try {
      const query = new CatalogQuery(database);
      query.rowsOf([]);
      return { path, state: 'read', message: '', migration: query.newestMigration() };
    } finally {
      database.close();
    }
  } catch (error) {
    const { state, message } = asCatalogError(path, error);
    return { path, state, message, migration: undefined };
  }
}
