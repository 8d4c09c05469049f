import { opendirSync, statSync } from 'node:fs';
import { userNameOf } from './owner.js';
import { registryName } from './registry-name.js';

/** Registries of one MSB_HOME that lie in this host's shared memory. */
export interface FoundHome {
  /** The hash of the MSB_HOME, which is part of the registries' names. */
  readonly hash: string;
  /** Names, with their leading slash. */
  readonly registries: readonly string[];
  /** Who owns them: a user's name, or `uid N`. */
  readonly owner: string;
}

/** The most files that are looked at: anybody may make any number of them. */
const MAX_FILES = 1_000;

/** Where Linux shows shared memory as files. */
const SHM_DIRECTORY = '/dev/shm';

/** The hash in the names of the registries of an MSB_HOME. */
export function homeHash(msbHome: string): string {
  return HASH.exec(registryName(msbHome, 1))?.[1] ?? '';
}

const HASH = /^\/msb-met-([0-9a-f]{16})-v\d+$/u;

/** The first registries of msb on this host, by home. Empty on a system that does not show shared memory as files. */
export function findRegistries(): FoundHome[] {
  const homes = new Map<string, string[]>();
  for (const file of list()) {
    const hash = HASH.exec(`/${file}`)?.[1];
    if (hash !== undefined) {
      const registries = homes.get(hash) ?? [];
      registries.push(`/${file}`);
      homes.set(hash, registries);
    }
  }
  return Array.from(homes, ([hash, registries]) => ({ hash, registries, owner: ownerOf(registries[0]) }));
}

function list(): string[] {
  try {
    const directory = opendirSync(SHM_DIRECTORY);
    try {
      const files: string[] = [];
      for (
        let entry = directory.readSync();
        entry !== null && files.length < MAX_FILES;
        entry = directory.readSync()
      ) {
        files.push(entry.name);
      }
      return files.sort();
    } finally {
      directory.closeSync();
    }
  } catch {
    return [];
  }
}

function ownerOf(registry: string): string {
  try {
    const { uid } = statSync(`${SHM_DIRECTORY}${registry}`);
    return userNameOf(uid) ?? `uid ${uid}`;
  } catch {
    return 'unknown';
  }
}
