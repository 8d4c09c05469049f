import { existsSync, type Stats, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { CatalogState } from '../shm/catalog-status.js';
import { BY_GROUP, distrustOf, type TrustedOwner } from '../shm/trust.js';
import { type Database, SQLITE_PACKAGE, type Sqlite, sqlite } from './sqlite.js';

/** Why a catalog gives no labels. */
export class CatalogError extends Error {
  override readonly name = 'CatalogError';

  constructor(
    readonly state: CatalogState,
    message: string,
  ) {
    super(message);
  }
}

/** The file of msb's catalog in an MSB_HOME. */
export const catalogPath = (msbHome: string): string =>
  `${msbHome}${msbHome.endsWith('/') ? '' : '/'}db/msb.db`;

/** A file's identity and what changes with its contents. */
export function fingerprint(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'none' : [stat.dev, stat.ino, stat.size, stat.mtimeMs, stat.ctimeMs].join(' ');
}

/**
 * The file of a catalog, if it may be read.
 *
 * @throws {CatalogError} `missing`, `failed` or `untrusted`
 */
export function trustedFile(path: string, trusted: TrustedOwner): Stats {
  const stat = statOf(path);
  const distrust = distrustOf(stat, trusted, `msb's catalog ${path}`, BY_GROUP);
  if (distrust !== undefined) {
    throw new CatalogError('untrusted', distrust);
  }
  return stat;
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOENT' || code === 'ENOTDIR'
      ? new CatalogError('missing', `msb's catalog ${path} is not there: msb makes it at its first command`)
      : new CatalogError(
          'failed',
          `cannot read msb's catalog ${path} (${code}): run as the user that runs msb`,
        );
  }
}

/**
 * Whether there is a write-ahead log. With one the database is read through it; without one it is read as a file that does
 * not change, because SQLite would leave a log and its index behind, which may lock out other users.
 */
export const hasLog = (path: string): boolean => existsSync(`${path}-wal`);

/**
 * Opens a catalog that has a log, to be kept open.
 *
 * @throws {CatalogError} where that would leave a file behind, or fails
 */
export function openWithLog(path: string): Database {
  if (!existsSync(`${path}-shm`)) {
    throw new CatalogError(
      'failed',
      `msb's catalog ${path} has a log (-wal) without its index (-shm), as after a crash: any command of msb mends it`,
    );
  }
  return opened(path, path);
}

/**
 * Opens a catalog without a log, to be closed at once. What was read is to be thrown away if the file has changed, or a log
 * has come, meanwhile.
 */
export function openWithoutLog(path: string): Database {
  const { takesUris } = required();
  if (!takesUris) {
    throw new CatalogError(
      'unsupported',
      `Node.js ${process.versions.node} cannot read msb's catalog ${path} without leaving files beside it: use Node.js 22.15 or newer`,
    );
  }
  return opened(path, `${pathToFileURL(path).href}?mode=ro&immutable=1`);
}

function required(): Sqlite {
  const found = sqlite();
  if (found === undefined) {
    throw new CatalogError(
      'unsupported',
      `Node.js ${process.versions.node} has no SQLite, so there are no labels: use Node.js 22.15 or newer, npm install ${SQLITE_PACKAGE}@1, or say --no-labels`,
    );
  }
  return found;
}

function opened(path: string, location: string): Database {
  const { open } = required();
  try {
    return open(location);
  } catch (error) {
    throw asCatalogError(path, error);
  }
}

/** Primary result codes of SQLite. Source: https://sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const NOT_A_DATABASE = 26;

/** An error of SQLite as one of ours. Its message has nothing of a configuration. */
export function asCatalogError(path: string, error: unknown): CatalogError {
  if (error instanceof CatalogError) {
    return error;
  }
  const { errcode, message = '' } = error as { readonly errcode?: number; readonly message?: string };
  // The package gives no code where a statement cannot be prepared.
  const code = (errcode ?? 0) & 255;
  if (code === BUSY || code === LOCKED || /^database (table )?is locked/u.test(message)) {
    return new CatalogError(
      'busy',
      `msb's catalog ${path} is locked by another process: the last labels stay in use`,
    );
  }
  if (/^no such (table|column)/u.test(message)) {
    return new CatalogError(
      'unmigrated',
      `msb's catalog ${path} has no sandboxes' table: msb makes it at its next command`,
    );
  }
  return new CatalogError(
    'failed',
    code === NOT_A_DATABASE || /^file is not a database/u.test(message)
      ? `msb's catalog ${path} is no database: look at what lies there`
      : `cannot read msb's catalog ${path} (SQLite error ${code}): run as the user that runs msb`,
  );
}
