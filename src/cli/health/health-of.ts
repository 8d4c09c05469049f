import { type Observable, scan, startWith } from 'rxjs';
import { type Health, healthAfter, initialHealth, type Moment, type ServiceEvent } from './health.js';

/** Does something with how a service is, until that completes. */
export type HealthObserver = (health$: Observable<Health>) => void;

/**
 * How a service is, from its beginning on.
 *
 * @param waiting collections that an earlier process has left in the spool. Default: none
 * @param now gives the moment of an event. Default: the clocks of this process
 */
export function healthOf(
  events$: Observable<ServiceEvent>,
  waiting = 0,
  now: () => Moment = moment,
): Observable<Health> {
  const initial = initialHealth(now(), waiting);
  return events$.pipe(
    scan((health, event) => healthAfter(health, event, now()), initial),
    startWith(initial),
  );
}

/** Now, by the clocks of this process. */
export const moment = (): Moment => ({ wallMillis: Date.now(), steadyMillis: performance.now() });
