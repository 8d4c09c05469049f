import type { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { catchError, concat, defer, EMPTY, type Observable, ReplaySubject, timer } from 'rxjs';
import {
  DEFAULT_STDOUT_EXPORT_TIMEOUT_MILLIS,
  DEFAULT_STDOUT_FLUSH_INTERVAL_MILLIS,
} from '../../defaults.js';
import { requireOneOf } from '../../options.js';
import type { Collection } from '../../shm/collection.js';
import { deliver } from '../../streams/deliver.js';
import type { DeliveryOptions } from '../../streams/delivery-options.js';
import type { Exporter } from '../../streams/exporter.js';
import type { Sink } from '../sink.js';
import { formatCollectionAsJson } from './json-line.js';
import { formatCollection } from './line.js';

/** Options of {@link stdoutSink}. */
export interface StdoutSinkOptions extends DeliveryOptions {
  /** Where the lines go. Default `process.stdout`. It is not closed. */
  readonly stream?: Writable | undefined;
  /**
   * `text` for people: a line a snapshot, and one for a collection without any. `json` for programs: an object a line and
   * snapshot, its fields those of {@link Snapshot} in snake case, and before them `time`, that of the sample by ISO 8601; a
   * value that the runtime does not know is `null`. Default `text`.
   */
  readonly format?: 'text' | 'json' | undefined;
  /** Milliseconds from one scheduled flush to the next. Default 1,000, because a person is watching; 1 to 67,108,863. */
  readonly flushIntervalMillis?: number | undefined;
  /**
   * The longest that one write may take, and the whole of the drain, ms. Default 5,000, because a stop must not wait long
   * for a reader that does not read; 1 to 2,147,483,647.
   */
  readonly exportTimeoutMillis?: number | undefined;
}

/**
 * A sink that prints snapshots. The form of the lines of text is not a stable contract; that of JSON is.
 *
 * Lines count as delivered when the stream has written them. A write that takes longer than the export timeout has
 * failed. If it ends later, its lines are not written again. While the sink is subscribed to, an error of the stream
 * becomes an event and nothing else.
 *
 * @throws {RangeError} for an option out of its range, when called
 */
export function stdoutSink(options: StdoutSinkOptions = {}): Sink {
  const {
    stream = process.stdout,
    format = 'text',
    flushIntervalMillis = DEFAULT_STDOUT_FLUSH_INTERVAL_MILLIS,
    exportTimeoutMillis = DEFAULT_STDOUT_EXPORT_TIMEOUT_MILLIS,
  } = options;
  if (typeof stream?.write !== 'function') {
    throw new RangeError(`stream: expected a Writable, got ${inspect(stream)}`);
  }
  requireOneOf('format', format, ['text', 'json']);
  const formatted = format === 'json' ? formatCollectionAsJson : formatCollection;
  return deliver(() => new StreamExporter(stream, formatted), {
    ...options,
    flushIntervalMillis,
    exportTimeoutMillis,
  });
}

const ignore = (): void => {};

class StreamExporter implements Exporter<Collection> {
  readonly #stream: Writable;
  readonly #format: (collection: Collection) => string;
  readonly #written = new WeakSet<Collection>();
  /** Completes when the last write has ended, well or not. */
  #lastWrite$: Observable<never> = EMPTY;

  constructor(stream: Writable, format: (collection: Collection) => string) {
    this.#stream = stream;
    this.#format = format;
    // Each failed write becomes a failed export. Without a listener its error would also end the process.
    stream.on('error', ignore);
  }

  export(batch: readonly Collection[]): Observable<never> {
    return concat(
      this.#lastWrite$,
      defer(() => this.#write(batch.filter((collection) => !this.#written.has(collection)))),
    );
  }

  /** Does not wait: the last write may never end, and its error comes after its callback. */
  shutdown(): void {
    concat(this.#lastWrite$, timer(0)).subscribe({ complete: () => this.#stream.off('error', ignore) });
  }

  #write(collections: readonly Collection[]): Observable<never> {
    const end$ = new ReplaySubject<never>();
    this.#stream.write(collections.map(this.#format).join(''), (error) => {
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
