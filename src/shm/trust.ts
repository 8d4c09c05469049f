import { readFileSync, type Stats, statSync } from 'node:fs';
import { describeUser } from './owner.js';

/** Whose registries are read. */
export type TrustedOwner =
  /** Those of this user. */
  | { readonly uid: number }
  /** Nobody's: this process is root and cannot tell whose they should be. */
  | { readonly uid: undefined; readonly reason: string };

/**
 * Whose registries are read: those of the user that runs this process. Root reads those of the owner of MSB_HOME, because
 * any local user can take a registry's name that does not exist yet.
 *
 * @param msbHome as msb has it
 * @param registryOwnerUid the owner that the operator named; `undefined` if none
 */
export function trustedOwner(msbHome: string, registryOwnerUid: number | undefined): TrustedOwner {
  const self = process.geteuid?.() ?? 0;
  if (registryOwnerUid !== undefined) {
    return { uid: registryOwnerUid };
  }
  if (self !== 0) {
    return { uid: self };
  }
  const uid = ownerOfHome(msbHome);
  return uid === undefined
    ? {
        uid: undefined,
        reason: `this process is root, and the MSB_HOME ${msbHome}, whose owner it would trust, is not to be seen here: name the user that runs msb with --registry-owner`,
      }
    : { uid };
}

function ownerOfHome(msbHome: string): number | undefined {
  try {
    const { uid } = statSync(msbHome);
    return isNobodyKnown(uid) ? undefined : uid;
  } catch {
    return undefined;
  }
}

/**
 * In a user namespace all users that are not mapped into it look like one, the overflow user: it may be anybody.
 * Source: user_namespaces(7).
 */
function isNobodyKnown(uid: number): boolean {
  return uid === OVERFLOW_UID && isInUserNamespace();
}

const OVERFLOW_UID = 65_534;

/** Outside of user namespaces every user is mapped to itself. */
function isInUserNamespace(): boolean {
  try {
    return !/^\s*0\s+0\s+4294967295\s*$/u.test(readFileSync('/proc/self/uid_map', 'utf8'));
  } catch {
    return false;
  }
}

/** Who may write to what is read. */
interface Writable {
  /** The mode that none may have, as a mask. */
  readonly forbidden: number;
  /** The mode that it should have. */
  readonly expected: string;
}

const BY_OWNER: Writable = { forbidden: 0o022, expected: '600' };

/** With the umask 002 the owner's group may write. */
export const BY_GROUP: Writable = { forbidden: 0o002, expected: '644 or less' };

/**
 * Why an object is not to be read; `undefined` if it may be. Nothing of the object may have been read before.
 *
 * @param what names the object in the message
 * @param writable who may write to it. Default: its owner alone.
 */
export function distrustOf(
  { uid, mode }: Stats,
  trusted: TrustedOwner,
  what: string,
  writable: Writable = BY_OWNER,
): string | undefined {
  if (trusted.uid === undefined) {
    return `${what} of ${describeUser(uid)} is not read: ${trusted.reason}`;
  }
  if (uid !== trusted.uid) {
    return `${what} is not read: it belongs to ${describeUser(uid)}, expected ${describeUser(trusted.uid)}; somebody may have put it there, so look at it and remove it`;
  }
  if (isNobodyKnown(uid)) {
    return `${what} is not read: its owner is not known in this user namespace, so it may be anybody's: map the user that runs msb into it`;
  }
  return (mode & writable.forbidden) === 0
    ? undefined
    : `${what} is not read: others than its owner ${describeUser(uid)} may write to it (mode ${(mode & 0o777).toString(8)}), expected ${writable.expected}`;
}
