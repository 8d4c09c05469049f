import type { Log } from '../log.js';
import type { Environment } from '../options/option-reader.js';
import type { ServiceObserver } from './service-manager.js';

/** What tells systemd of this service, where systemd has started it and wants to be told. Loaded only there. */
export async function startedBySystemd(
  environment: Environment,
  log: Log,
): Promise<ServiceObserver | undefined> {
  return environment.NOTIFY_SOCKET
    ? (await import('./service-manager.js')).serviceManager(environment, log)
    : undefined;
}
