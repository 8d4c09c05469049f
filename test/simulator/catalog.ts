import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openForWriting, type WritableDatabase } from '../support/open-for-writing.js';

/** A sandbox's row in a catalog. */
export interface CatalogEntry {
  readonly id: number;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Makes an empty catalog of a release of msb in an MSB_HOME, in WAL mode as msb does. The caller closes it. */
export function createCatalog(
  msbHome: string,
  schema = schemaOf('0.7.11'),
  file = 'msb.db',
): { readonly path: string; readonly database: WritableDatabase } {
  mkdirSync(join(msbHome, 'db'), { recursive: true, mode: 0o755 });
  const path = join(msbHome, 'db', file);
  const database = openForWriting(path);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec(schema);
  return { path, database };
}

/** The schema of a release, as SQL. */
export const schemaOf = (release: string): string =>
  readFileSync(new URL(`../fixtures/catalog-schemas/schema-${release}.sql`, import.meta.url), 'utf8');

/** Writes msb's catalog of an MSB_HOME. The caller closes it. */
export function simulateCatalog(msbHome: string, entries: readonly CatalogEntry[]): WritableDatabase {
  const { database } = createCatalog(msbHome);
  database.exec('BEGIN');
  for (const { id, name, labels } of entries) {
    const config = JSON.stringify({ name, labels });
    database.exec(
      `INSERT INTO sandbox (id, name, config, status) VALUES (${id}, '${name}', '${config}', 'running')`,
    );
  }
  database.exec('COMMIT');
  return database;
}
