import { inspect } from 'node:util';
import {
  catchError,
  concat,
  filter,
  firstValueFrom,
  lastValueFrom,
  map,
  merge,
  type Observable,
  of,
  Subject,
  scan,
  share,
  shareReplay,
  startWith,
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
  /** What happens, from the time of subscribing on; completes after the shutdown. */
  readonly events$: Observable<CollectorEvent>;

  /**
   * Flushes every sink now, even in a backoff.
   *
   * @returns a promise that resolves when every sink has got rid of all that it held, that is at its next `flushed`,
   * and rejects with the first failure; a sink that has ended counts as one
   */
  flush(): Promise<void>;

  /**
   * Stops collecting, gives what is held one last attempt, and lets go of everything. Further calls wait for the
   * same end.
   *
   * @returns a promise that rejects with a {@link LostCollectionsError} if the last export of a sink failed
   */
  shutdown(): Promise<void>;
}

/** The last export of a sink failed at shutdown. */
export class LostCollectionsError extends Error {
  override readonly name = 'LostCollectionsError';

  /**
   * @param lost collections that were still held, over all sinks
   * @param cause why the first of the failed exports failed
   */
  constructor(
    readonly lost: number,
    override readonly cause: Error,
  ) {
    const lostCollections = lost === 1 ? ', 1 collection is lost' : `, ${lost} collections are lost`;
    super(`the last export failed${lost === 0 ? '' : lostCollections}: ${cause.message}`);
  }
}

/**
 * Starts reading the registries of an MSB_HOME into sinks, for those who want no streams of their own. One reading
 * feeds all sinks; none can hold up another.
 *
 * @throws {RangeError} for an option out of its range
 */
export function startCollector(options: CollectorOptions): RunningCollector {
  requireFunctions('sinks', options.sinks);
  const stop$ = new Subject<void>();
  const flush$ = new Subject<void>();
  const events$ = new Subject<CollectorEvent>();
  const collections$ = collections(options).pipe(takeUntil(stop$), share());
  const names = Object.keys(options.sinks);

  const runSink = (sink: string): Observable<CollectorEvent> =>
    concat(
      collections$.pipe(
        options.sinks[sink](flush$),
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
  // The sinks first: who hears of a collection and flushes, or shuts down, means that one too.
  merge(
    ...names.map(runSink),
    collections$.pipe(map((collection) => ({ type: 'collected', collection }) as const)),
  ).subscribe(events$);

  const flushOf = (sink: string): Promise<unknown> =>
    firstValueFrom(
      merge(
        ended$.pipe(
          filter(({ sinks }) => sinks.has(sink)),
          map(({ sinks }) => sinks.get(sink) ?? new Error(`the sink ${sink} has ended`)),
        ),
        events$.pipe(
          filter((event) => event.type === 'delivery' && event.sink === sink),
          map((event) => (event as CollectorEvent & { type: 'delivery' }).event),
          filter((event) => event.type === 'flushed' || event.type === 'failed' || event.type === 'drained'),
          map((event) => (event.type === 'flushed' ? undefined : event.error)),
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
    events$: events$.asObservable(),
    async flush() {
      const flushed = Promise.all(names.map(flushOf));
      flush$.next();
      await flushed;
    },
    async shutdown() {
      stop$.next();
      const { lost, error } = await end;
      if (error !== undefined) {
        throw new LostCollectionsError(lost, error);
      }
    },
  };
}

/** How the sinks of a collector have ended so far. */
interface Ended {
  readonly sinks: ReadonlyMap<string, Error | undefined>;
  /** Collections that were still held, or refused, at the end. */
  readonly lost: number;
  /** Why the first of the last exports that failed did so, or the first sink that failed. */
  readonly error: Error | undefined;
}

const NOTHING_ENDED: Ended = { sinks: new Map(), lost: 0, error: undefined };

function noteEnd(ended: Ended, event: CollectorEvent): Ended {
  if (event.type === 'sink-ended') {
    return {
      ...ended,
      sinks: new Map([...ended.sinks, [event.sink, event.error]]),
      error: ended.error ?? event.error,
    };
  }
  if (event.type === 'delivery' && event.event.type === 'drained') {
    const { lost, rejected, error } = event.event;
    return { ...ended, lost: ended.lost + lost + rejected, error: ended.error ?? error };
  }
  return ended;
}
