import { inspect } from 'node:util';
import {
  asyncScheduler,
  catchError,
  concat,
  concatMap,
  connect,
  defaultIfEmpty,
  defer,
  EMPTY,
  exhaustMap,
  filter,
  finalize,
  from,
  identity,
  ignoreElements,
  map,
  materialize,
  merge,
  mergeMap,
  NEVER,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  of,
  queueScheduler,
  repeat,
  type SchedulerLike,
  scheduled,
  shareReplay,
  startWith,
  take,
  takeUntil,
  takeWhile,
  tap,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { requireCount, requireDelay } from '../options.js';
import { backoffMillis, MAX_BACKOFF_BASE_MILLIS, retryWithBackoff } from './backoff.js';
import type { DeliveryEvent } from './delivery-events.js';
import { DeliveryState } from './delivery-state.js';
import type { Exporter, ExportResult } from './exporter.js';
import { flushCadence } from './flush-cadence.js';

/** Options of {@link deliver}. */
export interface DeliveryOptions {
  /** Milliseconds from one scheduled flush to the next. Default 10,000; 1 to 67,108,863. */
  readonly flushIntervalMillis?: number | undefined;
  /** The most items held; beyond it the oldest is dropped. Default 60; an integer of 1 or more. */
  readonly maxBuffered?: number | undefined;
  /** The longest that one export may take, and the whole of the drain, ms. Default 30,000; 1 to 2,147,483,647. */
  readonly exportTimeoutMillis?: number | undefined;
  /**
   * Any value flushes at once, even in a backoff. It must not fail. It is subscribed to before the source: a flush that
   * is itself made of the source's values goes before the value that asks for it. Default: none.
   */
  readonly flush$?: Observable<unknown> | undefined;
  /** Times flushes, waits and timeouts, and gives the wall-clock time. Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike | undefined;
}

/** Defaults of {@link DeliveryOptions}. */
export const DELIVERY_DEFAULTS = {
  flushIntervalMillis: 10_000,
  maxBuffered: 60,
  exportTimeoutMillis: 30_000,
} as const;

/**
 * Delivery options with their defaults filled in.
 *
 * @throws {RangeError} for an option out of its range
 */
export function deliveryOptions(options: DeliveryOptions): {
  readonly [Name in keyof DeliveryOptions]-?: NonNullable<DeliveryOptions[Name]>;
} {
  const {
    flushIntervalMillis = DELIVERY_DEFAULTS.flushIntervalMillis,
    maxBuffered = DELIVERY_DEFAULTS.maxBuffered,
    exportTimeoutMillis = DELIVERY_DEFAULTS.exportTimeoutMillis,
    flush$ = NEVER,
    scheduler = asyncScheduler,
  } = options;
  requireDelay('flushIntervalMillis', flushIntervalMillis, MAX_BACKOFF_BASE_MILLIS);
  requireCount('maxBuffered', maxBuffered);
  requireDelay('exportTimeoutMillis', exportTimeoutMillis);
  return { flushIntervalMillis, maxBuffered, exportTimeoutMillis, flush$, scheduler };
}

/** Carries a failed export through `retry`. */
class ExportFailure extends Error {
  constructor(readonly retryAfterMillis: number) {
    super('export failed');
  }
}

/**
 * Holds what the source emits and hands it to an exporter: at every flush interval, at every explicit flush, and
 * once more when the source ends. Emits what happens.
 *
 * - One export at a time. A flush sends all that was held when it began, in as many exports as the exporter wants.
 * - When more than `maxBuffered` items are held, the oldest is dropped.
 * - A failed batch is held again, at the front; the next scheduled attempt comes after a wait that doubles with
 *   every failure in a row, see {@link backoffMillis}. An explicit flush does not wait.
 * - When the source completes, what is held gets one last attempt; then the exporter is shut down, and the stream
 *   completes with `drained`. This takes `exportTimeoutMillis` at most, plus what an export in flight has left of
 *   its own. When the source fails, the same, and then its error.
 * - Unsubscribing stops at once, without a last attempt.
 *
 * What an exporter does wrong becomes an event, never an error of this stream. An exporter serves one subscription
 * at a time: to be subscribed to more than once, put the making of both into a `defer`.
 *
 * @throws {RangeError} for an option out of its range, when called
 * @throws {TypeError} for an exporter that is none, when called
 */
export function deliver<T>(
  exporter: Exporter<T>,
  options: DeliveryOptions = {},
): OperatorFunction<T, DeliveryEvent> {
  const { flushIntervalMillis, maxBuffered, exportTimeoutMillis, flush$, scheduler } =
    deliveryOptions(options);
  if (typeof exporter?.export !== 'function') {
    throw new TypeError(`exporter: expected an object with a function export, got ${inspect(exporter)}`);
  }

  const attempt = (batch: readonly T[], state: DeliveryState<T>): Observable<ExportResult<T>> =>
    defer(() => exporter.export(batch, state.totals) as ObservableInput<unknown>).pipe(
      take(1),
      map(asResult<T>),
      defaultIfEmpty<ExportResult<T>, ExportResult<T>>({ status: 'delivered' }),
      timeout({
        first: exportTimeoutMillis,
        scheduler,
        with: () => throwError(() => new Error(`no answer within ${exportTimeoutMillis} ms`)),
      }),
    );

  const run = (items$: Observable<T>): Observable<DeliveryEvent> => {
    const state = new DeliveryState<T>(maxBuffered);
    let ended = false;
    let shutDown = false;
    /** Whether somebody asked for a flush since the latest news were told, or while they were. */
    let asked = false;

    const end$ = items$.pipe(
      ignoreElements(),
      materialize(),
      tap(() => {
        ended = true;
      }),
      shareReplay(1),
    );
    const noteAsked = tap(() => {
      asked = true;
      state.flushAllHeld();
    });
    /** Shuts the exporter down, the first time that it is subscribed to. */
    const shutdown$ = defer(() => {
      if (shutDown) {
        return EMPTY;
      }
      shutDown = true;
      return exporter.shutdown?.() ?? EMPTY;
    }).pipe(
      ignoreElements(),
      catchError(() => EMPTY),
    );

    const retryInMillis = (result: ExportResult<T>, isLast: boolean): number | undefined => {
      if (isLast || !state.isFailure(result)) {
        return undefined;
      }
      return ended ? 0 : backoffMillis(flushIntervalMillis, state.failuresInARow + 1, waitAskedFor(result));
    };

    /** One export and what it brings about; fails if the export did. */
    const exportNext = (isLast: boolean): Observable<DeliveryEvent> =>
      defer(() =>
        attempt(
          state.takeBatch((held) => exporter.batchSize?.(held, state.totals) ?? held.length),
          state,
        ),
      ).pipe(
        catchError((error) => of<ExportResult<T>>({ status: 'failed', error: asError(error) })),
        concatMap((result) => {
          const failure = state.isFailure(result) ? new ExportFailure(waitAskedFor(result)) : undefined;
          asked = false;
          const events = state.settle(result, scheduler.now(), retryInMillis(result, isLast));
          return concat(events, failure === undefined ? EMPTY : throwError(() => failure));
        }),
      );

    const isLeft = (): boolean => state.leftToFlush > 0;
    const isLeftToFlush = (): boolean => isLeft() && !ended;
    const isFlushDue = (): boolean => (isLeft() || asked) && !ended;

    /** One flush, up to its first failure, with which it ends. Goes on if its events make somebody ask for more. */
    const flushOnce$ = defer((): Observable<DeliveryEvent> => {
      state.flushAllHeld();
      const exports$ = defer(() =>
        isLeft() || exporter.exportsEmptyBatches === true
          ? repeatWhile(exportNext(false), isLeftToFlush)
          : EMPTY,
      );
      const told$ = defer(() => {
        asked = false;
        return ended ? EMPTY : of({ type: 'flushed' } as const);
      });
      return repeatWhile(concat(exports$, told$), isFlushDue);
    });

    /** Begins with a flush at once when it comes out of a backoff, and keeps time from there. */
    const flushes = (explicit$: Observable<unknown>): Observable<DeliveryEvent> =>
      defer(() =>
        flushCadence({ flushIntervalMillis, flush$: explicit$, scheduler }).pipe(
          state.failuresInARow > 0 ? startWith('scheduled' as const) : identity,
          takeUntil(end$),
          exhaustMap(() => flushOnce$),
        ),
      ).pipe(
        retryWithBackoff({
          baseMillis: flushIntervalMillis,
          // Be it one that was asked for while the failure was being told.
          attemptNow$: defer(() => (asked ? of(undefined) : explicit$)),
          giveUp$: end$,
          retryAfterMillis: (error) => (error as ExportFailure).retryAfterMillis,
          isSuccess: (event) => event.type === 'exported',
          scheduler,
        }),
      );

    const lastExports$ = defer((): Observable<DeliveryEvent> => {
      state.beginDrain();
      // With nothing held there is nothing to lose; but an exporter whose heartbeat failed gets to make it good.
      const heartbeatFailed = exporter.exportsEmptyBatches === true && state.failuresInARow > 0;
      return isLeft() || heartbeatFailed ? repeatWhile(exportNext(true), isLeft) : EMPTY;
    }).pipe(catchError(() => EMPTY));

    const overdue$ = defer((): Observable<DeliveryEvent> => {
      const error = new Error(`no answer within the ${exportTimeoutMillis} ms of the drain`);
      return state.isExporting
        ? from(state.settle({ status: 'failed', error }, scheduler.now(), undefined))
        : EMPTY;
    });

    const drain$ = concat(
      concat(lastExports$, shutdown$).pipe(takeUntil(timer(exportTimeoutMillis, scheduler))),
      overdue$,
      defer(() => {
        shutdown$.subscribe();
        return of(state.drained());
      }),
      end$.pipe(mergeMap((end) => (end.kind === 'E' ? throwError(() => end.error) : EMPTY))),
    );

    return concat(
      merge(
        items$.pipe(
          mergeMap((item) => state.hold(item)),
          catchError(() => EMPTY),
        ),
        // Subscribed to once and throughout, for it may be cold, and when all else is, for it may emit at once.
        flush$.pipe(noteAsked, takeUntil(end$), connect(flushes)),
      ),
      drain$,
    ).pipe(
      finalize(() => {
        shutdown$.subscribe();
      }),
    );
  };

  return (source) =>
    new Observable((subscriber) =>
      source
        .pipe(
          // A source that emits all at once cannot be unsubscribed from meanwhile.
          takeWhile(() => !subscriber.closed),
          connect(run),
        )
        .subscribe(subscriber),
    );
}

/** The wait that a receiver asked for, ms; 0 if it did not. */
function waitAskedFor(result: ExportResult<unknown>): number {
  return result.status === 'failed' ? (result.retryAfterMillis ?? 0) : 0;
}

/** Marks the end of one round of {@link repeatWhile}. */
const ROUND = Symbol('round');

/**
 * Subscribes to a source again and again, as long as the condition holds after what it emitted has been heard. Rounds
 * that end at once are queued, not nested: there may be more of them than fit on the stack.
 */
function repeatWhile<T>(source: Observable<T>, goOn: () => boolean): Observable<T> {
  return concat(source, of(ROUND)).pipe(
    repeat({ delay: () => scheduled([undefined], queueScheduler) }),
    takeWhile((value) => value !== ROUND || goOn()),
    filter((value): value is Exclude<typeof value, typeof ROUND> => value !== ROUND),
  ) as Observable<T>;
}

/** What an exporter answered, which is anything at all where it was written without types. */
function asResult<T>(value: unknown): ExportResult<T> {
  if (value === undefined || value === null) {
    return { status: 'delivered' };
  }
  const result = value as ExportResult<T>;
  switch (result.status) {
    case 'delivered':
      return result;
    case 'rejected':
    case 'split':
    case 'failed':
      return { ...result, error: asError(result.error) };
    default:
      throw new TypeError(`expected an ExportResult or nothing, got ${inspect(value)}`);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(typeof error === 'string' ? error : inspect(error));
}
