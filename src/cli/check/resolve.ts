import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Finding, fail, ok } from './finding.js';
import { within } from './within.js';

/** How long a name server may take, ms. */
const MAX_MILLIS = 2_000;

/** Looks a host up as the system does, /etc/hosts included. */
export async function resolveFinding(host: string, source: string): Promise<Finding> {
  if (isIP(host) !== 0) {
    return ok('name', `${host} is an address`);
  }
  return within(
    MAX_MILLIS,
    lookup(host, { all: true }).then(
      (addresses) => ok('name', `${host} is ${addresses.map(({ address }) => address).join(', ')}`),
      ({ code }: NodeJS.ErrnoException) =>
        fail(
          'name',
          `${host} cannot be resolved (${code})`,
          `look at the host name in ${source}, and at the name server of this host`,
        ),
    ),
    () =>
      fail(
        'name',
        `no answer about ${host} within ${MAX_MILLIS / 1_000} s`,
        'look at the name server of this host (/etc/resolv.conf)',
      ),
  );
}
