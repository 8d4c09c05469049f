import { map, type Observable } from 'rxjs';
import type { Collection } from '../../shm/collection.js';
import type { DeliveryTotals, Exporter, ExportResult } from '../../streams/exporter.js';
import type { Answer } from './answer.js';
import type { RequestEncoder } from './request.js';
import type { Transport } from './transport.js';

/**
 * The most bytes of a request, serialised: 3.5 MiB. gRPC servers refuse messages of more than 4 MiB by default.
 */
export const MAX_REQUEST_BYTES = 3.5 * 1024 * 1024;

/** What is left of a limit that a receiver stated: its count of bytes may include framing. */
const HEADROOM = 0.95;

/**
 * The most refusals that are spent on finding the bad rows of one collection. Each bad one costs about the binary
 * logarithm of the number of rows: 10 for 1,000 sandboxes.
 */
const MAX_SEARCH_REFUSALS = 48;

/**
 * A receiver that has refused every row of a collection of so many may refuse everything. Fewer tell nothing: they may
 * be the very sandboxes whose samples are bad.
 */
const ROWS_THAT_TELL = 4;

/** The search for what is bad in a collection that was refused alone. */
interface Search {
  /** The collection, by its time: its parts are objects of their own. */
  readonly collectedAtMillis: number;
  /** Rows of the whole collection. */
  readonly size: number;
  /** Rows that the next part has. */
  rows: number;
  refusals: number;
  /** Whether the receiver has taken any part of it. */
  accepted: boolean;
}

/**
 * Exports collections as OTLP requests: one a batch, none larger than the receiver takes.
 *
 * - Batches are cut at the boundaries of collections. Only a collection that is too large by itself goes out in
 *   parts, one export each, its rest coming back as the `remainder`.
 * - A receiver that refuses a request for its size gets smaller ones from then on.
 * - A batch that is refused as bad data goes out again collection by collection, without the sidecar's own metrics, which
 *   may be what is refused. A collection that is refused alone goes out in smaller and smaller parts, so that the
 *   sandboxes whose data is refused are the only ones given up. A receiver that refuses collections with all their
 *   sandboxes refuses everything, it seems: half as many refusals are spent on each after the other, until data is
 *   accepted again.
 */
export class OtlpExporter implements Exporter<Collection> {
  readonly exportsEmptyBatches = true;
  readonly #encoder: RequestEncoder;
  readonly #transport: Transport;
  readonly #now: () => number;
  /** The buffer of the last request that was answered, for the next to be written into. */
  #room: Buffer | undefined;
  #limitBytes = MAX_REQUEST_BYTES;
  #toSendAlone = 0;
  #search: Search | undefined;
  #maxSearchRefusals = MAX_SEARCH_REFUSALS;

  /** @param now wall-clock time, Unix ms */
  constructor(encoder: RequestEncoder, transport: Transport, now: () => number) {
    this.#encoder = encoder;
    this.#transport = transport;
    this.#now = now;
  }

  batchSize(held: readonly Collection[], totals: DeliveryTotals): number {
    if (this.#toSendAlone > 0) {
      // Those without a row go together: they hold nothing that could be refused.
      const emptyOnes = held.slice(0, this.#toSendAlone).findIndex(({ size }) => size > 0);
      return emptyOnes === -1 ? Math.min(held.length, this.#toSendAlone) : Math.max(1, emptyOnes);
    }
    let bytes = this.#encoder.envelopeBytes(totals);
    const tooMany = held.findIndex((collection) => {
      bytes += this.#encoder.pointsBytes(collection);
      return bytes > this.#limitBytes;
    });
    return tooMany === -1 ? held.length : Math.max(1, tooMany);
  }

  export(batch: readonly Collection[], totals: DeliveryTotals): Observable<ExportResult<Collection>> {
    const [first] = batch;
    if (this.#search?.collectedAtMillis !== first?.collectedAtMillis) {
      this.#search = undefined;
    }
    const rows =
      batch.length === 1 ? Math.min(this.#search?.rows ?? Infinity, this.#rowsThatFit(first, totals)) : 0;
    const isPart = batch.length === 1 && rows < first.size;
    const sent = isPart ? [first.slice(0, rows)] : batch;
    const remainder = isPart ? first.slice(rows) : undefined;
    const hasOwnMetrics = this.#toSendAlone === 0 || !haveRows(sent);
    const own = hasOwnMetrics ? { totals, nowMillis: this.#now() } : undefined;
    const request = this.#encoder.encode(sent, own, this.#room);
    // Not to be written to while a request that was given up may still be on its way.
    this.#room = undefined;
    return this.#transport.send(request).pipe(
      map((answer) => {
        this.#room = Buffer.from(request.buffer);
        return this.#resultOf(answer, sent, remainder, hasOwnMetrics, request.length);
      }),
    );
  }

  shutdown(): [] {
    this.#transport.close();
    return [];
  }

  /** How many rows of a collection one request takes: one at least, be it too large. */
  #rowsThatFit(collection: Collection, totals: DeliveryTotals): number {
    let bytes = this.#encoder.envelopeBytes(totals);
    for (let row = 0; row < collection.size; row++) {
      bytes += this.#encoder.pointsBytes(collection, row, row + 1);
      if (bytes > this.#limitBytes) {
        return Math.max(1, row);
      }
    }
    return collection.size;
  }

  #resultOf(
    answer: Answer,
    sent: readonly Collection[],
    remainder: Collection | undefined,
    hasOwnMetrics: boolean,
    sentBytes: number,
  ): ExportResult<Collection> {
    switch (answer.kind) {
      case 'accepted':
        this.#accepted(sent, remainder);
        return { status: 'delivered', remainder, partial: answer.partial };
      case 'bad-data':
        return this.#refused(answer.error, sent, remainder, hasOwnMetrics);
      case 'too-large':
        if (sent.length > 1 || (sent.length === 1 && sent[0].size > 1)) {
          this.#limitBytes = smallerLimit(sentBytes, answer.limitBytes);
          return { status: 'split', error: answer.error };
        }
        // One sandbox's sample is too large for nobody: it is not the size that this receiver refuses.
        this.#limitBytes = MAX_REQUEST_BYTES;
        return { status: 'failed', error: answer.error };
      case 'failed':
        return { status: 'failed', error: answer.error, retryAfterMillis: answer.retryAfterMillis };
    }
  }

  #accepted(sent: readonly Collection[], remainder: Collection | undefined): void {
    if (haveRows(sent)) {
      this.#maxSearchRefusals = MAX_SEARCH_REFUSALS;
    }
    if (remainder === undefined) {
      this.#settled(sent.length);
    } else if (this.#search !== undefined) {
      this.#search.accepted = true;
      this.#search.rows *= 2;
    }
  }

  #refused(
    error: Error,
    sent: readonly Collection[],
    remainder: Collection | undefined,
    hasOwnMetrics: boolean,
  ): ExportResult<Collection> {
    if (!haveRows(sent)) {
      this.#settled(sent.length);
      return { status: 'rejected', error };
    }
    if (hasOwnMetrics) {
      this.#toSendAlone = sent.length;
      return { status: 'split', error };
    }
    const [collection] = sent;
    const rows = collection.size;
    const search = this.#search ?? {
      collectedAtMillis: collection.collectedAtMillis,
      size: rows + (remainder?.size ?? 0),
      rows,
      refusals: 0,
      accepted: false,
    };
    search.refusals++;
    const isHopeless = search.refusals > this.#maxSearchRefusals;
    const rest = remainder ?? (search.accepted ? collection.slice(rows) : undefined);
    if (rows === 1 && rest !== undefined && !isHopeless) {
      this.#search = search;
      return {
        status: 'rejected',
        error,
        remainder: rest,
        rejectedPoints: this.#encoder.pointCount(collection),
      };
    }
    if (rows === 1 || isHopeless) {
      if (!search.accepted && search.size >= ROWS_THAT_TELL) {
        this.#maxSearchRefusals = Math.floor(this.#maxSearchRefusals / 2);
      }
      this.#settled(1);
      return { status: 'rejected', error };
    }
    search.rows = Math.ceil(rows / 2);
    this.#search = search;
    return { status: 'split', error };
  }

  /** Collections are done with, one way or the other. */
  #settled(collections: number): void {
    this.#search = undefined;
    this.#toSendAlone = Math.max(0, this.#toSendAlone - collections);
  }
}

function haveRows(collections: readonly Collection[]): boolean {
  return collections.some(({ size }) => size > 0);
}

/** The limit after a request was refused for its size: what the receiver stated, else half of what it refused. */
function smallerLimit(refusedBytes: number, statedBytes: number | undefined): number {
  return Math.floor(
    statedBytes !== undefined && statedBytes < refusedBytes ? statedBytes * HEADROOM : refusedBytes / 2,
  );
}
