/**
 * What a look at msb's catalog found:
 *
 * - `read`: labels are known.
 * - `busy`: somebody has locked it. The last known labels stay in use.
 * - `missing`: there is no such file.
 * - `untrusted`: owned by a user that is not trusted, or writable by others. Not read.
 * - `unmigrated`: a database without msb's tables.
 * - `failed`: it cannot be opened or read.
 * - `unsupported`: this Node.js has no SQLite.
 */
export type CatalogState =
  | 'read'
  | 'busy'
  | 'missing'
  | 'untrusted'
  | 'unmigrated'
  | 'failed'
  | 'unsupported';

/** The state of msb's catalog at one tick. */
export interface CatalogStatus {
  readonly state: CatalogState;
  /** Why there are no labels, and what to do; empty for `read`. */
  readonly message: string;
  /** Whether the catalog has been asked for each sandbox of this tick: a slow one is asked for the rest at the next. */
  readonly isComplete: boolean;
  /** Sandboxes of this tick whose labels cannot be used: their names, and why. */
  readonly bad: readonly { readonly sandbox: string; readonly reason: string }[];
}
