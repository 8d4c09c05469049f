import type { Collection } from '../../../shm/collection.js';
import type { DeliveryTotals } from '../../../streams/exporter.js';
import type { OwnTotals, Requests } from '../requests.js';
import { MAX_REQUEST_BYTES } from '../size-limit.js';
import type { RequestEncoder } from './request.js';

/** Requests that are serialised straight from the columns. The buffer of the last that was answered is used again. */
export class EncodedRequests implements Requests<Buffer> {
  readonly maxBytes = MAX_REQUEST_BYTES;
  readonly #encoder: RequestEncoder;
  #spare: Buffer | undefined;

  constructor(encoder: RequestEncoder) {
    this.#encoder = encoder;
  }

  envelopeBytes(totals: DeliveryTotals): number {
    return this.#encoder.envelopeBytes(totals);
  }

  pointsBytes(collection: Collection, from?: number, to?: number): number {
    return this.#encoder.pointsBytes(collection, from, to);
  }

  pointCount(collection: Collection): number {
    return this.#encoder.pointCount(collection);
  }

  make(batch: readonly Collection[], own: OwnTotals | undefined): { request: Buffer; bytes: number } {
    const request = this.#encoder.encode(batch, own, this.#spare);
    // A request that is given up may still be on its way, so its buffer is not written to again.
    this.#spare = undefined;
    return { request, bytes: request.length };
  }

  answered(request: Buffer): void {
    this.#spare = Buffer.from(request.buffer);
  }
}
