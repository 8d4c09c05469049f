import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openForWriting, type WritableDatabase } from '../support/open-for-writing.js';

/** A sandbox's row in a catalog. */
export interface CatalogEntry {
  readonly id: number;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Writes msb's catalog of an MSB_HOME, in WAL mode as msb does. The caller closes it. */
export function simulateCatalog(msbHome: string, entries: readonly CatalogEntry[]): WritableDatabase {
  mkdirSync(join(msbHome, 'db'), { recursive: true, mode: 0o755 });
  const database = openForWriting(join(msbHome, 'db/msb.db'));
  database.exec('PRAGMA journal_mode = WAL');
  database.exec(
    readFileSync(new URL('../fixtures/catalog-schemas/schema-0.7.11.sql', import.meta.url), 'utf8'),
  );
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
