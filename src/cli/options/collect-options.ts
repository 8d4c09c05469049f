import { homedir, userInfo } from 'node:os';
import { type CollectionsOptions, MAX_DELAY_MILLIS, userIdOf } from '../../index.js';
import { UsageError } from '../usage-error.js';
import { beginningOf, type OptionReader } from './option-reader.js';

/** Reads the flags of collecting. */
export function readCollectOptions(options: OptionReader): CollectionsOptions {
  return {
    msbHome: options.text('msb-home') ?? defaultHome(),
    registryOwnerUid: readRegistryOwner(options.text('registry-owner')),
    collectIntervalMillis: options.duration('collect-interval', 1, MAX_DELAY_MILLIS),
    labels: options.switch('no-labels') ? false : { excludeKeys: options.all('exclude-label-key') },
    maxSampleAgeMillis: options.duration('max-sample-age', 0, Number.MAX_SAFE_INTEGER),
  };
}

/** A user by number, or by the name in /etc/passwd. */
function readRegistryOwner(user: string | undefined): number | undefined {
  if (user === undefined) {
    return undefined;
  }
  const uid = /^\d{1,10}$/u.test(user) ? Number(user) : userIdOf(user);
  if (uid === undefined || uid >= 2 ** 32 - 1) {
    throw new UsageError(
      `--registry-owner: got ${beginningOf(user)}: expected the name of a user of this host, or a number, such as 1000`,
    );
  }
  return uid;
}

/** Joined without normalising, as msb does: the registry's name is a hash of the very bytes. */
function defaultHome(): string {
  const home = homeOfUser();
  if (home === undefined) {
    throw new UsageError(
      '--msb-home: missing, and this user has no home: expected the MSB_HOME of msb, such as --msb-home=/var/lib/microsandbox',
    );
  }
  return `${home}${home.endsWith('/') ? '' : '/'}.microsandbox`;
}

/** `undefined` for a user without HOME and without an entry in passwd. */
function homeOfUser(): string | undefined {
  try {
    return homedir() || userInfo().homedir;
  } catch {
    return undefined;
  }
}
