import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  filter,
  from,
  ignoreElements,
  interval,
  map,
  merge,
  type Observable,
  type ObservableInput,
  of,
  type SchedulerLike,
  switchMap,
  takeUntil,
  tap,
  timeout,
  timer,
} from 'rxjs';
import { SegmentError } from '../../spool/segment-error.js';
import type { SpoolStore } from '../../spool/spool-store.js';
import { asError } from '../as-error.js';
import type { DeliveryCommand } from './effect.js';
import type { DeliveryInput } from './input.js';

/** The longest that one call of the disk may take, ms: a network file system may never answer. */
const MAX_DISK_MILLIS = 5_000;

/** What the inputs of a spool are made of. */
export interface DiskSources<T> {
  readonly store: SpoolStore<T>;
  readonly commands$: Observable<DeliveryCommand<T>>;
  readonly flushIntervalMillis: number;
  readonly scheduler: SchedulerLike;
}

/**
 * What comes of a spool, and when: one call of the disk at a time, each within its time, whatever the store does.
 */
export function diskInputs<T>({
  store,
  commands$,
  flushIntervalMillis,
  scheduler,
}: DiskSources<T>): Observable<DeliveryInput<T>> {
  const calls$ = defer(() => {
    /** How much of each segment is known to be done. */
    const newest = new Map<number, number>();
    return commands$.pipe(
      tap((command) => {
        if (command.type === 'keep-segment') {
          newest.set(command.segment.first, command.segment.done);
        } else if (command.type === 'remove-segments') {
          for (const { first } of command.segments) {
            newest.delete(first);
          }
        }
      }),
      concatMap((command) =>
        // A slow disk is not asked to write down what is already known to be more.
        command.type === 'keep-segment' && newest.get(command.segment.first) !== command.segment.done
          ? EMPTY
          : callOf(store, command, scheduler),
      ),
    );
  });
  const unanswered$ = commands$.pipe(
    filter(({ type }) => ['export', 'back-off', 'cancel-export', 'shut-down', 'go-on'].includes(type)),
    switchMap(({ type }) => (type === 'export' ? timer(flushIntervalMillis, scheduler) : EMPTY)),
    map((): DeliveryInput<T> => ({ type: 'unanswered' })),
  );
  const due$ = interval(flushIntervalMillis, scheduler).pipe(
    map((): DeliveryInput<T> => ({ type: 'write-due' })),
    takeUntil(commands$.pipe(filter(({ type }) => type === 'begin-drain'))),
  );
  return merge(calls$, unanswered$, due$);
}

function callOf<T>(
  store: SpoolStore<T>,
  command: DeliveryCommand<T>,
  scheduler: SchedulerLike,
): Observable<DeliveryInput<T>> {
  const within = <R>(call: () => ObservableInput<R>): Observable<R> =>
    defer(() => from(call())).pipe(
      timeout({
        each: MAX_DISK_MILLIS,
        scheduler,
        with: () => {
          throw new Error(`the disk has not answered within ${MAX_DISK_MILLIS / 1_000} s`);
        },
      }),
    );
  const diskFailed = (error: unknown) => of<DeliveryInput<T>>({ type: 'disk-failed', error: asError(error) });
  switch (command.type) {
    case 'write-segment':
      return within(() => store.write(command.first, command.items)).pipe(
        map((segment): DeliveryInput<T> => ({ type: 'written', segment })),
        catchError((error) => of<DeliveryInput<T>>({ type: 'not-written', error: asError(error) })),
      );
    case 'read-segment':
      return within(() => store.read(command.segment)).pipe(
        map((items): DeliveryInput<T> => ({ type: 'read', items })),
        catchError((error) =>
          of<DeliveryInput<T>>({
            type: 'not-read',
            error: asError(error),
            isGone: error instanceof SegmentError,
          }),
        ),
      );
    case 'keep-segment':
      return within(() => store.keep(command.segment)).pipe(ignoreElements(), catchError(diskFailed));
    case 'remove-segments':
      return within(() => store.remove(command.segments)).pipe(ignoreElements(), catchError(diskFailed));
    case 'settle-disk':
      return of<DeliveryInput<T>>({ type: 'disk-settled' });
    default:
      return EMPTY;
  }
}
