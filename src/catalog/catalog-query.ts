import { CatalogError } from './catalog-file.js';
import type { Database } from './sqlite.js';

/** What the catalog has of a sandbox. Of its configuration only the labels leave the database. */
export interface CatalogRow {
  readonly id: number;
  readonly name: string;
  /** The text of `$.labels`; `null` where there is none, and where it is too long. */
  readonly labels: string | null;
  /** Whether the text, or the configuration, is longer than what is looked at. */
  readonly isTooLong: boolean;
  /** Whether the configuration is JSON. */
  readonly isValid: boolean;
}

/** The most bytes of a configuration that are looked at: msb's own have some thousands. 1 MiB. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/** The most characters of `$.labels` that leave the database: a longer one would hold up the reading. */
const MAX_LABELS_TEXT = 384 * 1024;

/** What is asked of an open catalog. The connection is the caller's to close. */
export class CatalogQuery {
  readonly #database: Database;
  #rows: (readonly unknown[])[] = [];
  #config: string | undefined;

  constructor(database: Database) {
    this.#database = database;
    database.function('emit', { varargs: true }, (...values) => this.#rows.push(values));
  }

  /**
   * The rows of some sandboxes. `active_config` is what a running sandbox got; databases of before 0.6.4 have `config` alone.
   *
   * @param ids catalog ids
   * @throws what SQLite throws
   */
  rowsOf(ids: readonly number[]): readonly CatalogRow[] {
    this.#config ??= this.#configuration();
    // One configuration that is no JSON would fail the whole query.
    const rows = this.#select(
      `id, name, valid, c IS NULL OR length(l) > ${MAX_LABELS_TEXT}, CASE WHEN length(l) <= ${MAX_LABELS_TEXT} THEN l END`,
      `FROM (SELECT id, name, c, json_valid(c) AS valid, CASE WHEN json_valid(c) THEN c -> '$.labels' END AS l
             FROM (SELECT id, name, ${this.#config} AS c FROM sandbox
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
  newestMigration(): string | undefined {
    this.#columnsOf('seaql_migrations');
    const [[version]] = this.#select('max(version)', 'FROM seaql_migrations');
    return typeof version === 'string' ? version : undefined;
  }

  /** The configuration of a row, or NULL where it is too long. Of a column the length is known without its contents. */
  #configuration(): string {
    const columns = this.#columnsOf('sandbox');
    if (columns.length > 0 && !columns.includes('config')) {
      throw new CatalogError(
        'failed',
        "msb's catalog has no column config in its table sandbox: is it of a newer msb?",
      );
    }
    return columns.includes('active_config')
      ? `CASE WHEN max(octet_length(config), coalesce(octet_length(active_config), 0)) <= ${MAX_CONFIG_BYTES}
              THEN coalesce(active_config, config) END`
      : `CASE WHEN octet_length(config) <= ${MAX_CONFIG_BYTES} THEN config END`;
  }

  /**
   * The columns of a table that are stored. A view, or a column that is computed, may compute without end.
   *
   * @returns empty where there is no such table
   * @throws {CatalogError} where something else is in its place
   */
  #columnsOf(table: 'sandbox' | 'seaql_migrations'): readonly unknown[] {
    const [[type] = []] = this.#select('type', `FROM sqlite_schema WHERE lower(name) = '${table}'`);
    if (type !== undefined && type !== 'table') {
      throw new CatalogError(
        'failed',
        `msb's catalog has a ${type} in the place of its table ${table}: look at what lies there`,
      );
    }
    return this.#select('name', `FROM pragma_table_info('${table}')`).map(([name]) => name);
  }

  /**
   * All rows of a query, by a function of ours that SQLite calls for each: a prepared statement would keep the database open
   * after `close`, until the garbage collector finds it.
   */
  #select(columns: string, from: string): readonly (readonly unknown[])[] {
    this.#rows = [];
    this.#database.exec(`SELECT emit(${columns}) ${from}`);
    return this.#rows;
  }
}
