import { map, type Observable } from 'rxjs';
import type { Collection } from '../../shm/collection.js';
import type { DeliveryTotals, Exporter, ExportResult } from '../../streams/exporter.js';
import {
  collectionsTogether,
  learnFromAcceptance,
  learnFromRefusal,
  NOTHING_REFUSED,
  type Part,
  planPart,
} from './refusal-search.js';
import type { OwnTotals, Requests } from './requests.js';
import { learnFromSizeAcceptance, learnFromSizeRefusal, noSizeLimit, type SizeLimit } from './size-limit.js';
import type { Answer } from './transport/answer.js';
import type { Transport } from './transport/transport.js';

/**
 * Exports collections as OTLP requests: one a batch, none larger than the receiver accepts.
 *
 * - Batches are cut at the boundaries of collections. Only a collection that is too large by itself goes out in
 *   parts, one export each. What is left of it comes back as the `remainder`.
 * - A receiver that refuses a request for its size gets smaller ones, and larger ones again after it has accepted some.
 * - A batch that is refused as bad data goes out again collection by collection, without the sidecar's own metrics, which
 *   may be what is refused. A collection that is refused alone goes out in smaller and smaller parts, so that only the
 *   sandboxes whose data is refused are given up. A receiver that refuses collections with all their sandboxes seems to
 *   refuse everything: for each further collection the search may use half as many requests, at least one, until data
 *   is accepted again.
 */
export class OtlpExporter<Request> implements Exporter<Collection> {
  readonly exportsEmptyBatches = true;
  readonly #requests: Requests<Request>;
  readonly #transport: Transport<Request>;
  readonly #now: () => number;
  #limit: SizeLimit;
  #search = NOTHING_REFUSED;

  /**
   * @param requests makes the requests that the transport carries
   * @param now wall-clock time, Unix ms
   */
  constructor(requests: Requests<Request>, transport: Transport<Request>, now: () => number) {
    this.#requests = requests;
    this.#transport = transport;
    this.#now = now;
    this.#limit = noSizeLimit(requests.maxBytes);
  }

  batchSize(held: readonly Collection[], totals: DeliveryTotals): number {
    return collectionsTogether(this.#search, held) ?? this.#collectionsThatFit(held, totals);
  }

  export(batch: readonly Collection[], totals: DeliveryTotals): Observable<ExportResult<Collection>> {
    const part = planPart(this.#search, batch, (collection) => this.#rowsThatFit(collection, totals));
    const own: OwnTotals | undefined = part.hasOwnMetrics ? { totals, nowMillis: this.#now() } : undefined;
    const { request, bytes } = this.#requests.make(part.collections, own);
    return this.#transport.send(request).pipe(
      map((answer) => {
        this.#requests.answered?.(request);
        return this.#resultOf(answer, part, bytes);
      }),
    );
  }

  shutdown(): Promise<unknown> | undefined {
    const closing = this.#transport.close();
    return closing instanceof Promise ? closing : undefined;
  }

  #collectionsThatFit(held: readonly Collection[], totals: DeliveryTotals): number {
    let bytes = this.#requests.envelopeBytes(totals);
    const tooMany = held.findIndex((collection) => {
      bytes += this.#requests.pointsBytes(collection);
      return bytes > this.#limit.bytes;
    });
    return tooMany === -1 ? held.length : Math.max(1, tooMany);
  }

  /** How many rows of a collection one request may hold. At least one, even if that one is too large. */
  #rowsThatFit(collection: Collection, totals: DeliveryTotals): number {
    let bytes = this.#requests.envelopeBytes(totals);
    for (let row = 0; row < collection.size; row++) {
      bytes += this.#requests.pointsBytes(collection, row, row + 1);
      if (bytes > this.#limit.bytes) {
        return Math.max(1, row);
      }
    }
    return collection.size;
  }

  #resultOf(answer: Answer, part: Part, sentBytes: number): ExportResult<Collection> {
    const { collections, remainder } = part;
    switch (answer.kind) {
      case 'accepted':
        this.#search = learnFromAcceptance(this.#search, part);
        this.#limit = learnFromSizeAcceptance(this.#limit, sentBytes);
        return { status: 'delivered', remainder, partial: answer.partial };
      case 'bad-data':
        return this.#refused(answer.error, part);
      case 'too-large':
        if (collections.length > 1 || (collections.length === 1 && collections[0].size > 1)) {
          this.#limit = learnFromSizeRefusal(this.#limit, sentBytes, answer.limitBytes);
          return { status: 'split', error: answer.error };
        }
        // One sample cannot be too large: size is not the real reason.
        this.#limit = noSizeLimit(this.#requests.maxBytes);
        return { status: 'failed', error: answer.error };
      case 'failed':
        return { status: 'failed', error: answer.error, retryAfterMillis: answer.retryAfterMillis };
    }
  }

  #refused(error: Error, part: Part): ExportResult<Collection> {
    const [search, outcome] = learnFromRefusal(this.#search, part);
    this.#search = search;
    switch (outcome) {
      case 'split':
        return { status: 'split', error };
      case 'given up':
        return { status: 'rejected', error };
      default: {
        const { givenUp, remainder } = outcome;
        return {
          status: 'rejected',
          error,
          remainder,
          rejectedPoints: this.#requests.pointCount(givenUp),
        };
      }
    }
  }
}
