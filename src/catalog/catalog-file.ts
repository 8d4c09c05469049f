import { type Stats, statSync } from 'node:fs';
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

/** The files of a catalog at one moment. */
export interface CatalogFiles {
  /** The database: another one has another text. */
  readonly identity: string;
  /** The same, and its write-ahead log. */
  readonly identityWithLog: string;
  /** Changes with every change of the contents, except for one at the very time of an earlier one. */
  readonly fingerprint: string;
  /** When the contents were last changed, Unix ms. */
  readonly changedAtMillis: number;
  /**
   * Whether there is a write-ahead log. With one the database is read through it; without one it is read as a file that does not
   * change, because SQLite would leave a log and its index behind, which may lock out other users.
   */
  readonly hasLog: boolean;
  /** Whether there is the log's index. */
  readonly hasIndex: boolean;
}

/**
 * Looks at the files of a catalog.
 *
 * @throws {CatalogError} `missing`, `failed` or `untrusted`
 */
export function catalogFiles(path: string, trusted: TrustedOwner): CatalogFiles {
  const database = trustedFile(path, trusted);
  if (database === undefined) {
    throw new CatalogError(
      'missing',
      `msb's catalog ${path} is not there: msb makes it at its first command`,
    );
  }
  const log = trustedFile(`${path}-wal`, trusted);
  const index = trustedFile(`${path}-shm`, trusted);
  const files = log === undefined ? [database] : [database, log];
  return {
    identity: identityOf(database),
    identityWithLog: files.map(identityOf).join(', '),
    fingerprint: fingerprintOf([database, log]),
    changedAtMillis: Math.max(...files.map(({ mtimeMs }) => mtimeMs)),
    hasLog: log !== undefined,
    hasIndex: index !== undefined,
  };
}

/** See {@link CatalogFiles}. Without the time of the inode, which SQLite changes when root reads. */
export const catalogFingerprint = (path: string): string => fingerprintOf([path, `${path}-wal`].map(statOf));

const fingerprintOf = (files: readonly (Stats | undefined)[]): string =>
  files
    .map((stat) => (stat === undefined ? '-' : [identityOf(stat), stat.size, stat.mtimeMs].join(' ')))
    .join(', ');

/** The number of a file that is deleted may be that of the next one. */
const identityOf = ({ dev, ino, birthtimeMs }: Stats): string => `${dev} ${ino} ${birthtimeMs}`;

/** A file that may be read; `undefined` where there is none. */
function trustedFile(path: string, trusted: TrustedOwner): Stats | undefined {
  const stat = statOf(path);
  if (stat === undefined) {
    return undefined;
  }
  if (!stat.isFile()) {
    throw new CatalogError('failed', `msb's catalog ${path} is no regular file: look at what lies there`);
  }
  const distrust = distrustOf(stat, trusted, `msb's catalog ${path}`, BY_GROUP);
  if (distrust !== undefined) {
    throw new CatalogError('untrusted', distrust);
  }
  return stat;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return undefined;
    }
    throw new CatalogError(
      'failed',
      `cannot read msb's catalog ${path} (${code}): run as the user that runs msb`,
    );
  }
}

/**
 * Opens a catalog, to be closed at once: a reader that stays would keep others from clearing up the log. Without a log, what was
 * read is to be thrown away if the files have changed meanwhile.
 *
 * @throws {CatalogError} where that would leave a file behind; and what SQLite throws
 */
export function openCatalog(path: string, { hasLog, hasIndex }: CatalogFiles): Database {
  if (hasLog && !hasIndex) {
    throw new CatalogError(
      'busy',
      `msb's catalog ${path} has a log (-wal) without its index (-shm): a process has it for itself, or has crashed; any command of msb mends the latter`,
    );
  }
  const { open, takesUris } = required();
  if (!hasLog && !takesUris) {
    throw new CatalogError(
      'unsupported',
      `Node.js ${process.versions.node} cannot read msb's catalog ${path} without leaving files beside it: use Node.js 22.15 or newer, or npm install ${SQLITE_PACKAGE}@1`,
    );
  }
  return open(hasLog ? path : `${pathToFileURL(path).href}?mode=ro&immutable=1`);
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
