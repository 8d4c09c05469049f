import { inspect } from 'node:util';
import {
  catchError,
  concat,
  connectable,
  defer,
  filter,
  firstValueFrom,
  lastValueFrom,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  Subject,
  scan,
  shareReplay,
  startWith,
  take,
  takeUntil,
} from 'rxjs';
import { requireFunctions } from './options.js';
import type { Collection } from './shm/collection.js';
import type { Sink } from './sinks/sink.js';
import { type CollectionsOptions, collections } from './streams/collections.js';
import type { DeliveryEvent } from './streams/delivery-events.js';

/** Options of {@link startCollector}. */
export interface CollectorOptions extends CollectionsOptions {
  /**
   * The sinks, by a name of your own. Each gets `flush$`, which emits at every `flush()`, to put into its options:
   *
   *     sinks: { otlp: (flush$) => otlpSink({ endpoint, flush$ }) }
   */
  readonly sinks: Readonly<Record<string, (flush$: Observable<void>) => Sink>>;
}

/**
 * What happens in a running collector: a tick, something in a sink, or the end of a sink. A sink ends with the
 * collector, or earlier if its operator completes, or fails with an error of its own.
 */
export type CollectorEvent =
  | { readonly type: 'collected'; readonly collection: Collection }
  | { readonly type: 'delivery'; readonly sink: string; readonly event: DeliveryEvent }
  | { readonly type: 'sink-ended'; readonly sink: string; readonly error: Error | undefined };

/** A collector that runs until it is shut down. */
export interface RunningCollector {
  /** What happens, from the time of subscribing on, and which sinks have ended before; completes after the shutdown. */
  readonly events$: Observable<CollectorEvent>;

  /**
   * Flushes every sink now, even in a backoff.
   *
   * @returns a promise that resolves when every sink has delivered all that it held, that is at its next `flushed`,
   * and rejects if one of the exports failed or was refused, with the first of the errors; a sink that has ended
   * counts as a failure
   */
  flush(): Promise<void>;

  /**
   * Stops collecting, gives what is held one last attempt, and releases everything. Further calls wait for the same end:
   * all sinks have completed. Those made with `deliver` complete soon after their source.
   *
   * @returns a promise that rejects with a {@link LostCollectionsError} if the last export of a sink failed or was
   * refused, or a sink failed by itself
   */
  shutdown(): Promise<void>;
}

/** A collector has stopped, and a last export had failed, or a sink. */
export class LostCollectionsError extends Error {
  override readonly name = 'LostCollectionsError';

  /**
   * @param lost collections that were still held or that the drain's exports were refused, over all sinks
   * @param cause why the first of the failed exports, or sinks, failed
   * @param what which of the two it was
   */
  constructor(
    readonly lost: number,
    override readonly cause: Error,
    what = 'the last export failed',
  ) {
    const lostCollections = lost === 1 ? ', 1 collection is lost' : `, ${lost} collections are lost`;
    super(`${what}${lost === 0 ? '' : lostCollections}: ${cause.message}`);
  }
}

/**
 * Starts reading the registries of an MSB_HOME into sinks, for programs without streams. One reading feeds all sinks, and
 * none can hold up another.
 *
 * A sink that fails by itself, even at once, ends with that error, and the others go on.
 *
 * @throws {RangeError} for an option out of its range
 * @throws whatever one of the functions that make the sinks throws
 */
export function startCollector(options: CollectorOptions): RunningCollector {
  requireFunctions('sinks', options.sinks);
  const stop$ = new Subject<void>();
  const flush$ = new Subject<void>();
  const events$ = new Subject<CollectorEvent>();
  // Connected once: a sink that subscribes after the end must find it ended, not start it again.
  const collections$ = connectable(collections(options).pipe(takeUntil(stop$)), {
    connector: () => new Subject<Collection>(),
    resetOnDisconnect: false,
  });
  const sinks = Object.entries(options.sinks).map(
    ([name, sinkOf]) => [name, sinkOf(flush$.asObservable())] as const,
  );

  const runSink = ([sink, operator]: readonly [string, Sink]): Observable<CollectorEvent> =>
    concat(
      defer(() => operator(collections$)).pipe(
        map((event): CollectorEvent => ({ type: 'delivery', sink, event })),
      ),
      of<CollectorEvent>({ type: 'sink-ended', sink, error: undefined }),
    ).pipe(
      catchError((reason: unknown) => {
        const error = reason instanceof Error ? reason : new Error(inspect(reason));
        return of<CollectorEvent>({ type: 'sink-ended', sink, error });
      }),
    );

  const ended$ = events$.pipe(scan(noteEnd, NOTHING_ENDED), startWith(NOTHING_ENDED), shareReplay(1));
  const end = lastValueFrom(ended$);
  const endsSoFar$ = ended$.pipe(
    take(1),
    mergeMap(({ sinks }) =>
      [...sinks].map(([sink, error]) => ({ type: 'sink-ended', sink, error }) as const),
    ),
  );
  // Subscribe the sinks first, so that a listener of `collected` that flushes, or shuts down, includes that collection.
  merge(
    ...sinks.map(runSink),
    collections$.pipe(map((collection) => ({ type: 'collected', collection }) as const)),
  ).subscribe(events$);
  collections$.connect();

  const flushOf = (sink: string): Promise<unknown> =>
    firstValueFrom(
      merge(
        ended$.pipe(
          filter(({ sinks }) => sinks.has(sink)),
          map(({ sinks }) => sinks.get(sink) ?? new Error(`the sink ${sink} has ended`)),
        ),
        events$.pipe(
          filter((event) => event.type === 'delivery'),
          filter((event) => event.sink === sink),
          map(({ event }) => event),
          scan(noteFlush, FLUSH_BEGUN),
          filter(({ isOver }) => isOver),
          map(({ error }) => error),
        ),
      ).pipe(
        map((error) => {
          if (error !== undefined) {
            throw error;
          }
        }),
      ),
    );

  return {
    events$: merge(events$, endsSoFar$),
    async flush() {
      const flushed = Promise.all(sinks.map(([name]) => flushOf(name)));
      flush$.next();
      await flushed;
    },
    async shutdown() {
      stop$.next();
      const { lost, failure } = await end;
      if (failure !== undefined) {
        throw new LostCollectionsError(lost, failure.error, failure.what);
      }
    },
  };
}

/** How the sinks of a collector have ended so far. */
interface Ended {
  readonly sinks: ReadonlyMap<string, Error | undefined>;
  /** Collections that were still held, or refused, at the end. */
  readonly lost: number;
  /** The first last export that failed, or sink that failed by itself. */
  readonly failure: { readonly what: string; readonly error: Error } | undefined;
}

const NOTHING_ENDED: Ended = { sinks: new Map(), lost: 0, failure: undefined };

function noteEnd(ended: Ended, event: CollectorEvent): Ended {
  if (event.type === 'sink-ended') {
    const { sink, error } = event;
    return {
      ...ended,
      sinks: new Map([...ended.sinks, [sink, error]]),
      failure: ended.failure ?? (error && { what: `the sink ${sink} failed`, error }),
    };
  }
  if (event.type === 'delivery' && event.event.type === 'drained') {
    const { lost, rejected, spooled = 0, error } = event.event;
    // What is in the spool is not lost, so the failure does not matter.
    const isLoss = error !== undefined && (spooled === 0 || lost + rejected > 0);
    return {
      ...ended,
      lost: ended.lost + lost + rejected,
      failure: ended.failure ?? (isLoss ? { what: 'the last export failed', error } : undefined),
    };
  }
  return ended;
}

/** How a flush that somebody waits for has gone so far. */
interface FlushOutcome {
  readonly isOver: boolean;
  /** Why the first of its exports failed, or was refused. */
  readonly error: Error | undefined;
}

const FLUSH_BEGUN: FlushOutcome = { isOver: false, error: undefined };

function noteFlush({ error }: FlushOutcome, event: DeliveryEvent): FlushOutcome {
  switch (event.type) {
    case 'flushed':
      return { isOver: true, error };
    case 'failed':
    case 'drained':
      return { isOver: true, error: error ?? event.error };
    case 'rejected':
      return { isOver: false, error: error ?? event.error };
    default:
      return { isOver: false, error };
  }
}
