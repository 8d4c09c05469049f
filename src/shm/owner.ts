import { readFileSync, statSync } from 'node:fs';

/** What is to be said of an object that may not be opened. */
export interface Denial {
  /** `untrusted`: it belongs to somebody who does not own the MSB_HOME. Any user can put one at a registry's name. */
  readonly state: 'denied' | 'untrusted';
  readonly message: string;
}

/**
 * Who owns a shared-memory object that may not be opened, and what to do about it. The owner is known on a system that
 * shows shared memory as files (Linux).
 *
 * @param name the object's name, with its leading slash
 * @param msbHome only its owner is a user to run as: anybody may own an object of that name
 */
export function denialOf(name: string, msbHome: string): Denial {
  const what = `permission denied (EACCES) opening the registry ${name}`;
  const uid = ownerOf(`/dev/shm${name}`);
  if (uid === undefined) {
    return {
      state: 'denied',
      message: `${what}: run msb-metrics as the user that runs msb (sudo -u <msb-user> msb-metrics ...)`,
    };
  }
  const user = userNameOf(uid);
  const owner = describeUser(uid);
  const home = ownerOf(msbHome);
  if (home === uid) {
    return {
      state: 'denied',
      message: `${what}: it is owned by ${owner}; run msb-metrics as that user (sudo -u ${user ?? `'#${uid}'`} msb-metrics ...)`,
    };
  }
  return {
    state: home === undefined ? 'denied' : 'untrusted',
    message: `${what}: it is owned by ${owner}, who does not own the MSB_HOME${home === undefined ? ' (which is not to be seen)' : ''}: run msb-metrics as the user that runs msb; if ${owner} is another, somebody may have put it there`,
  };
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch {
    return undefined;
  }
}

/** A user for a message: the name and the number, or the number alone. */
export function describeUser(uid: number): string {
  const name = userNameOf(uid);
  return name === undefined ? `uid ${uid}` : `${name} (uid ${uid})`;
}

/** The name of a user in /etc/passwd; `undefined` if it has none there. */
export function userNameOf(uid: number): string | undefined {
  return passwd().find((fields) => fields[2] === String(uid))?.[0];
}

/** The number of a user in /etc/passwd; `undefined` if there is no such user. */
export function userIdOf(name: string): number | undefined {
  const uid = passwd().find((fields) => fields[0] === name)?.[2];
  return uid === undefined ? undefined : Number(uid);
}

function passwd(): string[][] {
  try {
    return readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((entry) => entry.split(':'));
  } catch {
    return [];
  }
}
