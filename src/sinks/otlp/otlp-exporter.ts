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
 * Exports collections as OTLP requests: one a batch, none larger than the receiver takes.
 *
 * - Batches are cut at the boundaries of collections. Only a collection that is too large by itself goes out in
 *   parts, one export each, its rest coming back as the `remainder`.
 * - A receiver that refuses a request for its size gets smaller ones from then on.
 * - A batch that is refused as bad data goes out again collection by collection; one refused alone is given up.
 */
export class OtlpExporter implements Exporter<Collection> {
  readonly exportsEmptyBatches = true;
  readonly #encoder: RequestEncoder;
  readonly #transport: Transport;
  readonly #now: () => number;
  #limitBytes = MAX_REQUEST_BYTES;
  #toSendAlone = 0;

  /** @param now wall-clock time, Unix ms */
  constructor(encoder: RequestEncoder, transport: Transport, now: () => number) {
    this.#encoder = encoder;
    this.#transport = transport;
    this.#now = now;
  }

  batchSize(held: readonly Collection[], totals: DeliveryTotals): number {
    if (this.#toSendAlone > 0) {
      return 1;
    }
    let bytes = this.#encoder.envelopeBytes(totals);
    const tooMany = held.findIndex((collection) => {
      bytes += this.#encoder.pointsBytes(collection);
      return bytes > this.#limitBytes;
    });
    return tooMany === -1 ? held.length : Math.max(1, tooMany);
  }

  export(batch: readonly Collection[], totals: DeliveryTotals): Observable<ExportResult<Collection>> {
    const rowsOfLast = batch.length === 1 ? this.#rowsThatFit(batch[0], totals) : undefined;
    const isPart = rowsOfLast !== undefined && rowsOfLast < batch[0].size;
    const part = isPart ? [batch[0].slice(0, rowsOfLast)] : batch;
    const request = this.#encoder.encode(part, totals, this.#now());
    return this.#transport.send(request).pipe(
      map((answer) => {
        const remainder = isPart ? batch[0].slice(rowsOfLast) : undefined;
        return this.#resultOf(answer, part, remainder, request.length);
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
    sentBytes: number,
  ): ExportResult<Collection> {
    switch (answer.kind) {
      case 'accepted':
        if (remainder === undefined) {
          this.#settledAlone();
        }
        return {
          status: 'delivered',
          ...(remainder === undefined ? {} : { remainder }),
          ...(answer.partial === undefined ? {} : { partial: answer.partial }),
        };
      case 'bad-data':
        if (sent.length > 1) {
          this.#toSendAlone = sent.length;
          return { status: 'split', error: answer.error };
        }
        this.#settledAlone();
        return { status: 'rejected', error: answer.error };
      case 'too-large':
        if (sent.length > 1 || (sent.length === 1 && sent[0].size > 1)) {
          this.#limitBytes = smallerLimit(sentBytes, answer.limitBytes);
          return { status: 'split', error: answer.error };
        }
        // One sandbox's sample is not too large for anybody: what was refused was not the size.
        this.#limitBytes = MAX_REQUEST_BYTES;
        this.#settledAlone();
        return { status: 'rejected', error: answer.error };
      case 'failed':
        return {
          status: 'failed',
          error: answer.error,
          ...(answer.retryAfterMillis === undefined ? {} : { retryAfterMillis: answer.retryAfterMillis }),
        };
    }
  }

  #settledAlone(): void {
    this.#toSendAlone = Math.max(0, this.#toSendAlone - 1);
  }
}

/** The limit after a request was refused for its size: what the receiver stated, else half of what it refused. */
function smallerLimit(refusedBytes: number, statedBytes: number | undefined): number {
  return Math.floor(
    statedBytes !== undefined && statedBytes < refusedBytes ? statedBytes * HEADROOM : refusedBytes / 2,
  );
}
