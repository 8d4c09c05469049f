import {
  catchError,
  concatMap,
  defer,
  distinctUntilChanged,
  finalize,
  type Observable,
  of,
  retry,
  skipWhile,
} from 'rxjs';
import { MAX_DELAY_MILLIS } from '../../index.js';
import type { Log } from '../log.js';
import type { Environment } from '../options/option-reader.js';
import { notifications, READY, type ServiceState } from './notifications.js';
import { openUnixDatagram } from './unix-datagram.js';

const TARGET = 'msb_metrics::systemd';

/** How often a message is sent again while the manager's queue is full, and after how long, ms. */
const RETRIES = { count: 20, delay: 100 };

/** EAGAIN on Linux. */
const QUEUE_IS_FULL = 11;

/** A shorter watchdog is no use, ms. */
const LEAST_WATCHDOG_MILLIS = 20;

/** Tells a service manager how the service is, until that completes. */
export type ServiceObserver = (states$: Observable<ServiceState>) => void;

/**
 * What tells systemd how this service is, where systemd has started it with `Type=notify`; else `undefined`.
 *
 * Source: sd_notify(3), sd_watchdog_enabled(3).
 */
export function serviceManager(environment: Environment, log: Log): ServiceObserver | undefined {
  const { NOTIFY_SOCKET: path, WATCHDOG_USEC: micros, WATCHDOG_PID: pid } = environment;
  if (!path || process.platform !== 'linux') {
    return undefined;
  }
  if (!path.startsWith('/') && !path.startsWith('@')) {
    log('warn', TARGET, 'NOTIFY_SOCKET is no Unix socket: systemd is not told of this service', { path });
    return undefined;
  }
  const watchdogMillis = !pid || Number(pid) === process.pid ? watchdogOf(micros) : undefined;
  return (states$) => {
    const datagram = openUnixDatagram(path);
    notifications(states$, { watchdogMillis })
      .pipe(
        concatMap((message) => sent(() => datagram.send(message), message === READY)),
        distinctUntilChanged(),
        skipWhile((error) => error === undefined),
        finalize(datagram.close),
      )
      .subscribe((error) => {
        if (error === undefined) {
          log('info', TARGET, 'systemd is told of this service again');
        } else {
          log('warn', TARGET, 'cannot tell systemd of this service', {
            path,
            error,
            remedy:
              error === QUEUE_IS_FULL ? 'its queue is full: does it run?' : 'is NotifyAccess= set to none?',
          });
        }
      });
  };
}

/** The time of the watchdog, ms; `undefined` where there is none. */
function watchdogOf(micros = ''): number | undefined {
  const millis = /^\d+$/u.test(micros) ? Number(micros) / 1_000 : 0;
  return millis > 0 ? Math.min(Math.max(millis, LEAST_WATCHDOG_MILLIS), MAX_DELAY_MILLIS) : undefined;
}

/**
 * Sends a message, again while the queue is full: for a while, or, for one that must arrive, as long as it takes. Emits the number
 * of the error that is left, or `undefined`.
 */
const sent = (send: () => number | undefined, mustArrive: boolean): Observable<number | undefined> =>
  defer(() => {
    const error = send();
    if (error === QUEUE_IS_FULL) {
      throw new QueueIsFull();
    }
    return of(error);
  }).pipe(
    retry(mustArrive ? { delay: RETRIES.delay } : RETRIES),
    catchError(() => of(QUEUE_IS_FULL)),
  );

class QueueIsFull extends Error {}
