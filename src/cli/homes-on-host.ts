import { findRegistries, homeHash } from '../index.js';
import type { Log } from './log.js';
import { listOf } from './registry-watch.js';

/**
 * Warns if this host has registries of more than one MSB_HOME: their sidecars send the same `service.instance.id`, the
 * host's name, unless they are given others.
 *
 * @returns whether it warned
 */
export function warnOfOtherHomes(msbHome: string, log: Log): boolean {
  const others = findRegistries().filter(({ hash }) => hash !== homeHash(msbHome));
  if (others.length === 0) {
    return false;
  }
  log(
    'warn',
    'msb_metrics',
    "this host has registries of more than one MSB_HOME: if each has a sidecar, their series are told apart only by service.instance.id, which is the host's name in all of them; give each its own with --resource=service.instance.id=...",
    {
      others: listOf(
        others.map(({ registries, owner }) => `${registries[0]} (of ${owner})`),
        '; ',
      ),
    },
  );
  return true;
}
