import type { ServiceState } from '../systemd/notifications.js';
import { backlog, type Health } from './health.js';
import { liveness } from './verdicts.js';

/** How a service is, for its manager. */
export function serviceState(health: Health, collectIntervalMillis: number): ServiceState {
  return {
    isReady: health.newest !== undefined,
    isStopping: health.isStopping,
    status: statusLine(health),
    isAlive: (steadyMillis) => liveness(health, collectIntervalMillis, steadyMillis).isWell,
  };
}

/** Sandboxes, backlog and last success in a line. */
function statusLine(health: Health): string {
  const { newest, totals, failuresInARow, isStopping } = health;
  const { lastSuccessAtMillis: success } = totals;
  const waiting = backlog(health);
  return [
    ...(isStopping ? ['stopping'] : []),
    count(newest?.reading.size ?? 0, 'sandbox', 'sandboxes'),
    count(waiting, 'collection waits', 'collections wait'),
    success === undefined ? 'nothing delivered yet' : `last success ${new Date(success).toISOString()}`,
    ...(failuresInARow > 0 ? [`${count(failuresInARow, 'failure', 'failures')} in a row`] : []),
  ].join(', ');
}

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;
