import type { Database } from './sqlite.js';

/** What the catalog has of a sandbox. Of its configuration only the labels leave the database. */
export interface CatalogRow {
  readonly id: number;
  readonly name: string;
  /** The text of `$.labels`; `null` where there is none, and where it is too long. */
  readonly labels: string | null;
  /** Whether the text is longer than {@link MAX_LABELS_TEXT}, or the configuration than {@link MAX_CONFIG_BYTES}. */
  readonly isTooLong: boolean;
  /** Whether the configuration is JSON. */
  readonly isValid: boolean;
}

/** The most bytes of a configuration that are looked at: msb's own have some thousands. 1 MiB. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** The most characters of `$.labels` that leave the database: a longer one would hold up the reading. */
export const MAX_LABELS_TEXT = 384 * 1024;

/**
 * The rows of some sandboxes. `active_config` is what a running sandbox got; databases of before 0.6.4 have `config` alone.
 *
 * @param ids catalog ids
 * @throws what SQLite throws
 */
export function rowsOf(database: Database, ids: readonly number[]): readonly CatalogRow[] {
  const columns = select(database, 'name', "FROM pragma_table_info('sandbox')");
  const hasActive = columns.some(([name]) => name === 'active_config');
  // Of a column the length is known without its contents.
  const config = hasActive
    ? `CASE WHEN max(octet_length(config), coalesce(octet_length(active_config), 0)) <= ${MAX_CONFIG_BYTES}
            THEN coalesce(active_config, config) END`
    : `CASE WHEN octet_length(config) <= ${MAX_CONFIG_BYTES} THEN config END`;
  // One configuration that is no JSON would fail the whole query.
  const rows = select(
    database,
    `id, name, valid, c IS NULL OR length(l) > ${MAX_LABELS_TEXT}, CASE WHEN length(l) <= ${MAX_LABELS_TEXT} THEN l END`,
    `FROM (SELECT id, name, c, json_valid(c) AS valid, CASE WHEN json_valid(c) THEN c -> '$.labels' END AS l
           FROM (SELECT id, name, ${config} AS c FROM sandbox
                 WHERE id IN (SELECT value FROM json_each('${JSON.stringify(ids)}'))))`,
  );
  return rows.map(([id, name, valid, isTooLong, labels]) => ({
    id: Number(id),
    name: String(name),
    labels: typeof labels === 'string' ? labels : null,
    isTooLong: Number(isTooLong) === 1,
    isValid: Number(valid) === 1,
  }));
}

/** The newest migration that msb has made; `undefined` in a database without any. */
export function newestMigration(database: Database): string | undefined {
  const [[version]] = select(database, 'max(version)', 'FROM seaql_migrations');
  return typeof version === 'string' ? version : undefined;
}

/**
 * All rows of a query, by a function of ours that SQLite calls for each: a prepared statement would keep the database open after
 * `close`, until the garbage collector finds it.
 */
function select(database: Database, columns: string, from: string): readonly (readonly unknown[])[] {
  const rows: (readonly unknown[])[] = [];
  database.function('emit', { varargs: true }, (...values) => rows.push(values));
  database.exec(`SELECT emit(${columns}) ${from}`);
  return rows;
}
