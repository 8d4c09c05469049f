import type { Database } from './sqlite.js';

/** What the catalog has of a sandbox. Of its configuration only the labels leave the database. */
export interface CatalogRow {
  readonly id: number;
  readonly name: string;
  /** The text of `$.labels`; `null` where there is none. */
  readonly labels: string | null;
  /** Whether the configuration is JSON. */
  readonly isValid: boolean;
}

/**
 * The rows of some sandboxes. `active_config` is what a running sandbox got; databases of before 0.6.4 have `config` alone.
 *
 * @param ids catalog ids
 * @throws what SQLite throws
 */
export function rowsOf(database: Database, ids: readonly number[]): readonly CatalogRow[] {
  const columns = all(database, "SELECT name FROM pragma_table_info('sandbox')");
  const config = columns.some(({ name }) => name === 'active_config')
    ? 'coalesce(active_config, config)'
    : 'config';
  // One configuration that is no JSON would fail the whole query.
  const rows = all(
    database,
    `SELECT id, name, json_valid(c) AS valid, CASE WHEN json_valid(c) THEN c -> '$.labels' END AS labels
     FROM (SELECT id, name, ${config} AS c FROM sandbox WHERE id IN (SELECT value FROM json_each(?)))`,
    JSON.stringify(ids),
  );
  return rows.map(({ id, name, labels, valid }) => ({
    id: Number(id),
    name: String(name),
    labels: typeof labels === 'string' ? labels : null,
    isValid: Number(valid) === 1,
  }));
}

/** A number that moves when another connection has committed. */
export function dataVersion(database: Database): number {
  return Number(all(database, 'PRAGMA data_version')[0]?.data_version);
}

/** The newest migration that msb has made; `undefined` in a database without any. */
export function newestMigration(database: Database): string | undefined {
  const [row] = all(database, 'SELECT max(version) AS version FROM seaql_migrations');
  return typeof row?.version === 'string' ? row.version : undefined;
}

/** All rows: an iterator that is left is a transaction that is left. */
function all(
  database: Database,
  sql: string,
  ...parameters: readonly string[]
): readonly Readonly<Record<string, unknown>>[] {
  return database.prepare(sql).all(...parameters);
}
