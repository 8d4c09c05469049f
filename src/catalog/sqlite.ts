import { createRequire } from 'node:module';

/** What is used of `node:sqlite`, and of the package that has the same interface. */
export interface Database {
  exec(sql: string): void;
  /** Registers a function for SQL. */
  function(
    name: string,
    options: { readonly varargs: true },
    call: (...values: readonly unknown[]) => number,
  ): void;
  close(): void;
}

/** SQLite, as it is had here. */
export interface Sqlite {
  /** Opens a database read-only. */
  readonly open: (location: string) => Database;
  /** Whether a location can be a `file:` URI, which tells SQLite that the file does not change. */
  readonly takesUris: boolean;
}

type DatabaseClass = new (location: string, options: { readonly readOnly: boolean }) => Database;

/** The optional package for Node.js without `node:sqlite`. */
export const SQLITE_PACKAGE = '@photostructure/sqlite';

const require = createRequire(import.meta.url);

let found: { readonly sqlite: Sqlite | undefined } | undefined;

/**
 * SQLite: `node:sqlite` where it takes URIs (Node 22.15 and newer), else {@link SQLITE_PACKAGE} where it is installed, else
 * `node:sqlite` as it is. Looked for at the first call.
 *
 * @returns `undefined` where there is neither
 */
export function sqlite(): Sqlite | undefined {
  found ??= { sqlite: load() };
  return found.sqlite;
}

function load(): Sqlite | undefined {
  if (doesNodeTakeUris(process.versions.node)) {
    return sqliteOf(builtIn(), true);
  }
  return sqliteOf(installed(), true) ?? sqliteOf(builtIn(), false);
}

const sqliteOf = (database: DatabaseClass | undefined, takesUris: boolean): Sqlite | undefined =>
  database && { open: (location) => new database(location, { readOnly: true }), takesUris };

/** Source: the history of `DatabaseSync` in Node's documentation. */
function doesNodeTakeUris(version: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 10) || (major === 22 && minor >= 15);
}

/** Node warns that it is experimental, which nobody who runs this program can do anything about. */
function builtIn(): DatabaseClass | undefined {
  const { getBuiltinModule } = process as { getBuiltinModule?: (id: string) => unknown };
  const { emitWarning } = process;
  try {
    process.emitWarning = () => {};
    return (getBuiltinModule?.('node:sqlite') as { DatabaseSync: DatabaseClass } | undefined)?.DatabaseSync;
  } catch {
    return undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function installed(): DatabaseClass | undefined {
  try {
    return (require(SQLITE_PACKAGE) as { DatabaseSync: DatabaseClass }).DatabaseSync;
  } catch {
    return undefined;
  }
}
