import { statSync } from 'node:fs';
import type { RegistryState, RegistryStatus, SkippedRows } from '../../index.js';
import { describeUser } from '../../shm/owner.js';

/** What is known of one registry. Names are those of the JSON document. */
export interface RegistryFacts {
  readonly name: string;
  readonly abi: number;
  readonly state: RegistryState;
  /** `null` where the system does not show shared memory as files. */
  readonly owner: string | null;
  /** In octal, such as `600`; `null` as the owner. */
  readonly mode: string | null;
  readonly slots: number;
  readonly slots_used: number;
  readonly slots_free: number;
  /** Sandboxes reported. */
  readonly sandboxes: number;
  /** Sandboxes left out, by reason. */
  readonly skipped: SkippedRows;
}

/** Puts together what a reading and the file system know of a registry. */
export function factsOf({ name, abi, state, capacity, used, rows, skipped }: RegistryStatus): RegistryFacts {
  return {
    name,
    abi,
    state,
    ...fileOf(name),
    slots: capacity,
    slots_used: used,
    slots_free: capacity - used,
    sandboxes: rows,
    skipped,
  };
}

/** Linux shows shared memory as files. */
function fileOf(name: string): Pick<RegistryFacts, 'owner' | 'mode'> {
  const stat = statSync(`/dev/shm${name}`, { throwIfNoEntry: false });
  return stat === undefined
    ? { owner: null, mode: null }
    : { owner: describeUser(stat.uid), mode: (stat.mode & 0o777).toString(8) };
}
