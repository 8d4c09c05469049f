import type { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { catchError, concat, defer, EMPTY, finalize, type Observable, ReplaySubject, timer } from 'rxjs';
import type { Collection } from '../../shm/collection.js';
import { type DeliveryOptions, deliver, deliveryOptions } from '../../streams/deliver.js';
import type { Exporter } from '../../streams/exporter.js';
import type { Sink } from '../sink.js';
import { formatCollection } from './line.js';

/** Options of {@link stdoutSink}. */
export interface StdoutSinkOptions extends DeliveryOptions {
  /** Where the lines go. Default `process.stdout`. It is not closed. */
  readonly stream?: Writable | undefined;
  /** Milliseconds from one scheduled flush to the next. Default 1,000, for somebody is watching; 1 to 67,108,863. */
  readonly flushIntervalMillis?: number | undefined;
  /**
   * The longest that one write may take, and the whole of the drain, ms. Default 5,000, for a stop must not wait long
   * for a reader that does not read; 1 to 2,147,483,647.
   */
  readonly exportTimeoutMillis?: number | undefined;
}

/** Default of {@link StdoutSinkOptions.flushIntervalMillis}. */
export const DEFAULT_STDOUT_FLUSH_INTERVAL_MILLIS = 1_000;

/** Default of {@link StdoutSinkOptions.exportTimeoutMillis}. */
export const DEFAULT_STDOUT_EXPORT_TIMEOUT_MILLIS = 5_000;

/**
 * A sink that prints one line a snapshot, and one for a collection without any. The form of the lines is not a
 * stable contract.
 *
 * Lines count as delivered when the stream has written them. A reader that holds a write up past the export timeout
 * is a failure; when the write does come to its end, its lines are not written again. While it is subscribed to, an
 * error of the stream is an event and no more.
 *
 * @throws {RangeError} for an option out of its range, when called
 */
export function stdoutSink(options: StdoutSinkOptions = {}): Sink {
  const {
    stream = process.stdout,
    flushIntervalMillis = DEFAULT_STDOUT_FLUSH_INTERVAL_MILLIS,
    exportTimeoutMillis = DEFAULT_STDOUT_EXPORT_TIMEOUT_MILLIS,
  } = options;
  const delivery = deliveryOptions({ ...options, flushIntervalMillis, exportTimeoutMillis });
  if (typeof stream?.write !== 'function') {
    throw new RangeError(`stream: expected a Writable, got ${inspect(stream)}`);
  }
  return (source) =>
    defer(() => {
      const exporter = new StreamExporter(stream);
      // Each failed write is told as `failed`; without a listener the stream would end the process for it.
      const listener = (): void => {};
      stream.on('error', listener);
      return source.pipe(
        deliver(exporter, delivery),
        finalize(() => exporter.written(() => stream.off('error', listener))),
      );
    });
}

class StreamExporter implements Exporter<Collection> {
  readonly #stream: Writable;
  readonly #written = new WeakSet<Collection>();
  /** Completes when the last write has come to its end, one way or the other. */
  #lastWrite$: Observable<never> = EMPTY;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  export(batch: readonly Collection[]): Observable<never> {
    return concat(
      this.#lastWrite$,
      defer(() => this.#write(batch.filter((collection) => !this.#written.has(collection)))),
    );
  }

  /** Calls back once the last write has come to its end and its error, if any, was told. */
  written(callback: () => void): void {
    concat(this.#lastWrite$, timer(0)).subscribe({ complete: callback });
  }

  #write(collections: readonly Collection[]): Observable<never> {
    const end$ = new ReplaySubject<never>();
    this.#stream.write(collections.map(formatCollection).join(''), (error) => {
      if (error) {
        end$.error(error);
        return;
      }
      for (const collection of collections) {
        this.#written.add(collection);
      }
      end$.complete();
    });
    this.#lastWrite$ = end$.pipe(catchError(() => EMPTY));
    return end$;
  }
}
