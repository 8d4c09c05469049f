import { readFileSync, statSync } from 'node:fs';

/**
 * Who owns a shared-memory object that may not be opened, and what to do about it. The owner is known on a system that
 * shows shared memory as files (Linux).
 *
 * @param name the object's name, with its leading slash
 */
export function describeDenial(name: string): string {
  const uid = ownerOf(name);
  if (uid === undefined) {
    return `permission denied (EACCES) opening the registry ${name}: run msb-metrics as the user that runs msb (sudo -u <msb-user> msb-metrics ...)`;
  }
  const user = userNameOf(uid);
  const owner = user === undefined ? `uid ${uid}` : `${user} (uid ${uid})`;
  return `permission denied (EACCES) opening the registry ${name}: it is owned by ${owner}; run msb-metrics as that user (sudo -u ${user ?? `'#${uid}'`} msb-metrics ...)`;
}

function ownerOf(name: string): number | undefined {
  try {
    return statSync(`/dev/shm${name}`).uid;
  } catch {
    return undefined;
  }
}

/** The name of a user in /etc/passwd; `undefined` if it has none there. */
export function userNameOf(uid: number): string | undefined {
  try {
    const entries = readFileSync('/etc/passwd', 'utf8').split('\n');
    return entries.map((entry) => entry.split(':')).find((fields) => fields[2] === String(uid))?.[0];
  } catch {
    return undefined;
  }
}
