import type { SkippedRows } from './skipped-rows.js';

/**
 * What a tick found at a registry's name:
 *
 * - `absent`: no such object yet. Normal before the first sandbox of an ABI.
 * - `initialising`: its creator is still writing the header.
 * - `attached`: open and read.
 * - `unlinked`: removed from its name while sandboxes still write to it. It is read as long as they do, beside a new
 *   registry of that name. `message` says what removes it.
 * - `refused`: there, but not what its name says. `message` says what was expected and found.
 * - `denied`: the system does not let this user open it. `message` names the owner and the remedy.
 * - `untrusted`: owned by a user that is not trusted, or writable by others. `message` names the owner. Not read.
 * - `failed`: the system refused in another way. `message` names the call and its error.
 * - `unknown`: a newer ABI than this package reads. `message` names it.
 */
export type RegistryState =
  | 'absent'
  | 'initialising'
  | 'attached'
  | 'unlinked'
  | 'refused'
  | 'denied'
  | 'untrusted'
  | 'failed'
  | 'unknown';

/** The state of one registry at one tick. */
export interface RegistryStatus {
  /** The shared-memory object's name, with its leading slash. */
  readonly name: string;
  readonly abi: number;
  readonly state: RegistryState;
  /** What to tell the operator; empty for `absent`, `initialising` and `attached`. */
  readonly message: string;
  /** Number of slots; 0 unless attached or unlinked. */
  readonly capacity: number;
  /** Number of slots that a sandbox has taken, whether or not its row was taken. */
  readonly used: number;
  /** Number of rows that the tick took from it. */
  readonly rows: number;
  /** Rows in use that were left out, by reason. */
  readonly skipped: SkippedRows;
}

/** Thrown by {@link readRegistry} where there is no registry to read. Its status says why. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';

  constructor(readonly status: RegistryStatus) {
    super(status.message || `registry ${status.name} is ${status.state}`);
  }
}
