import { map } from 'rxjs';
import { type CollectionsOptions, DEFAULT_COLLECT_INTERVAL_MILLIS, type Spool } from '../index.js';
import type { HealthObserver } from './health/health-of.js';
import { serviceState } from './health/service-state.js';
import type { Log } from './log.js';
import type { ListenAddress } from './options/listen-address.js';
import type { Environment } from './options/option-reader.js';
import type { StopSignals } from './signals.js';
import { startedBySystemd } from './systemd/started-by-systemd.js';
import { unlessStopped } from './unless-stopped.js';

/**
 * The observers of a service's health: systemd, where it has started this process, and the health server.
 *
 * @param spool the health server shows its state too. Default: none
 * @throws {ListenError} where the address cannot be listened on
 */
export async function healthObservers(
  address: ListenAddress | undefined,
  { collectIntervalMillis = DEFAULT_COLLECT_INTERVAL_MILLIS }: CollectionsOptions,
  environment: Environment,
  log: Log,
  signals: StopSignals,
  spool?: Spool,
): Promise<readonly HealthObserver[]> {
  const observers: HealthObserver[] = [];
  const tell = await startedBySystemd(environment, log);
  if (tell !== undefined) {
    observers.push((health$) =>
      tell(health$.pipe(map((health) => serviceState(health, collectIntervalMillis)))),
    );
  }
  if (address !== undefined) {
    const { healthServer } = await import('./health/health-server.js');
    const starting = healthServer(address, { collectIntervalMillis, spool }, log);
    observers.push(await unlessStopped(starting, signals, log));
  }
  return observers;
}
