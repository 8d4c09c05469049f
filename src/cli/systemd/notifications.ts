import {
  asyncScheduler,
  connect,
  distinctUntilChanged,
  EMPTY,
  endWith,
  filter,
  ignoreElements,
  interval,
  map,
  merge,
  type Observable,
  type SchedulerLike,
  take,
  takeUntil,
  throttleTime,
  withLatestFrom,
} from 'rxjs';

/** The state that the messages to a service manager are made of. */
export interface ServiceState {
  readonly isReady: boolean;
  readonly isStopping: boolean;
  /** One line for people. */
  readonly status: string;
  /** Whether the service does its work at a moment, monotonic ms. */
  readonly isAlive: (steadyMillis: number) => boolean;
}

/** How {@link notifications} are timed. */
export interface NotificationOptions {
  /** The manager restarts a service that is silent for so long, ms; `undefined`: it does not wait for signs of life. */
  readonly watchdogMillis: number | undefined;
  /** Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** Monotonic ms. Default `performance.now`. */
  readonly steadyNow?: () => number;
}

/** The message that a service has begun its work. */
export const READY = 'READY=1';

/** The least time between two changes of the status, ms: each makes work for the manager and for all that watch it. */
const STATUS_MILLIS = 10_000;

/**
 * The messages of a service to systemd: READY once it is, STATUS when it changes, WATCHDOG twice in the manager's time as long as
 * the service is alive, and STOPPING. Source: sd_notify(3).
 */
export function notifications(
  states$: Observable<ServiceState>,
  { watchdogMillis, scheduler = asyncScheduler, steadyNow = () => performance.now() }: NotificationOptions,
): Observable<string> {
  return states$.pipe(
    connect((shared$) => {
      const ended$ = shared$.pipe(ignoreElements(), endWith(undefined));
      const ready$ = shared$.pipe(
        filter(({ isReady }) => isReady),
        take(1),
      );
      const stopping$ = shared$.pipe(
        filter(({ isStopping }) => isStopping),
        take(1),
      );
      const status$ = shared$.pipe(
        filter(({ isReady }) => isReady),
        map(({ status }) => status),
        throttleTime(STATUS_MILLIS, scheduler, { leading: true, trailing: true }),
        takeUntil(merge(stopping$, ended$)),
        distinctUntilChanged(),
        map((status) => `STATUS=${status}`),
      );
      const signsOfLife$ =
        watchdogMillis === undefined
          ? EMPTY
          : interval(watchdogMillis / 2, scheduler).pipe(
              withLatestFrom(shared$),
              filter(([, { isAlive }]) => isAlive(steadyNow())),
              map(() => 'WATCHDOG=1'),
              takeUntil(ended$),
            );
      return merge(
        signsOfLife$,
        ready$.pipe(map(() => READY)),
        status$,
        stopping$.pipe(map(({ status }) => `STOPPING=1\nSTATUS=${status}`)),
      );
    }),
  );
}
