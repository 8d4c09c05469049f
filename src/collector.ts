import {
  catchError,
  filter,
  firstValueFrom,
  lastValueFrom,
  map,
  merge,
  type Observable,
  reduce,
  Subject,
  share,
  takeUntil,
} from 'rxjs';
import type { Collection } from './shm/collection.js';
import type { Sink } from './sinks/sink.js';
import { type CollectionsOptions, collections } from './streams/collections.js';
import type { DeliveryEvent, Drained } from './streams/delivery-events.js';

/** Options of {@link startCollector}. */
export interface CollectorOptions extends CollectionsOptions {
  /**
   * The sinks, by a name of your own. Each gets `flush$`, which emits at every `flush()`, to put into its options:
   *
   *     sinks: { otlp: (flush$) => otlpSink({ endpoint, flush$ }) }
   */
  readonly sinks: Readonly<Record<string, (flush$: Observable<void>) => Sink>>;
}

/** What happens in a running collector: a tick, something in a sink, or the failure of a sink as such. */
export type CollectorEvent =
  | { readonly type: 'collected'; readonly collection: Collection }
  | { readonly type: 'delivery'; readonly sink: string; readonly event: DeliveryEvent }
  | { readonly type: 'sink-failed'; readonly sink: string; readonly error: Error };

/** A collector that runs until it is shut down. */
export interface RunningCollector {
  /** What happens, from the time of subscribing on; completes after the shutdown. */
  readonly events$: Observable<CollectorEvent>;

  /**
   * Flushes every sink now, even in a backoff.
   *
   * @returns a promise that resolves when all that was held is delivered, and rejects with the first failure
   */
  flush(): Promise<void>;

  /**
 X
   * promise.
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
    super(
      `the last export failed, ${lost} ${lost === 1 ? 'collection is' : 'collections are'} lost: ${cause.message}`,
    );
  }
}

/**
 * Starts reading the registries of an MSB_HOME into sinks, for those who want no streams of their own. One reading
 * feeds all sinks; none can hold up another.
 *
 * @throws {RangeError} for an option out of its range
 */
export function startCollector(options: CollectorOptions): RunningCollector {
  const stop$ = new Subject<void>();
  const flush$ = new Subject<void>();
  const events$ = new Subject<CollectorEvent>();
  const collections$ = collections(options).pipe(takeUntil(stop$), share());

  const sinks = Object.entries(options.sinks).map(([sink, make]) =>
    collections$.pipe(
      make(flush$),
      map((event): CollectorEvent => ({ type: 'delivery', sink, event })),
      catchError((error: Error) => [{ type: 'sink-failed', sink, error } as const]),
    ),
  );
  const run$ = merge(
    collections$.pipe(map((collection) => ({ type: 'collected', collection }) as const)),
    ...sinks,
  );

  const drains = lastValueFrom(
    events$.pipe(
      filter((event) => event.type === 'delivery'),
      map(({ event }) => event),
      filter((event) => event.type === 'drained'),
      reduce<Drained, Drained[]>((drains, event) => [...drains, event], []),
    ),
  );
  run$.subscribe(events$);

  const flushOf = (sink: string): Promise<void> =>
    firstValueFrom(
      events$.pipe(
        filter((event) => event.type === 'delivery'),
        filter((event) => event.sink === sink),
        map(({ event }) => event),
        filter((event) => event.type === 'flushed' || event.type === 'failed' || event.type === 'drained'),
        map((event) => {
          if (event.type !== 'flushed' && event.error !== undefined) {
            throw event.error;
          }
        }),
      ),
      { defaultValue: undefined },
    );

  return {
    events$: events$.asObservable(),
    async flush() {
      const flushed = Promise.all(Object.keys(options.sinks).map(flushOf));
      flush$.next();
      await flushed;
    },
    async shutdown() {
      stop$.next();
      const ended = await drains;
      const failed = ended.find(({ error }) => error !== undefined);
      if (failed?.error !== undefined) {
        const lost = ended.reduce((sum, drained) => sum + drained.lost, 0);
        throw new LostCollectionsError(lost, failed.error);
      }
    },
  };
}
