import type { Collection } from '../../shm/collection.js';
import type { DeliveryTotals } from '../../streams/exporter.js';
import type { RequestEncoder } from '../otlp/encoding/request.js';
import type { OwnTotals, Requests } from '../otlp/requests.js';

/** What one export by an SDK's exporter takes: it is put into the SDK's words where the SDK is loaded. */
export interface MetricsBatch {
  readonly collections: readonly Collection[];
  /** For the sidecar's own metrics; `undefined` leaves them out. */
  readonly own: OwnTotals | undefined;
}

/** Bytes of a point with names as short as they are in practice. Longer ones make fewer points of the same bytes. */
const SHORT_POINT_BYTES = 70;

/** The most points of a batch: as objects 110,000 would take 40 MB. */
export const MAX_POINTS = 8_000;

/** Batches of no more than {@link MAX_POINTS} points. Their size is what our own encoder would make of them. */
export class MetricsBatches implements Requests<MetricsBatch> {
  readonly maxBytes = MAX_POINTS * SHORT_POINT_BYTES;
  readonly #encoder: RequestEncoder;

  constructor(encoder: RequestEncoder) {
    this.#encoder = encoder;
  }

  envelopeBytes(totals: DeliveryTotals): number {
    return this.#encoder.envelopeBytes(totals);
  }

  pointsBytes(collection: Collection, from?: number, to?: number): number {
    return Math.max(
      this.#encoder.pointsBytes(collection, from, to),
      SHORT_POINT_BYTES * this.#encoder.pointCount(collection.slice(from ?? 0, to)),
    );
  }

  pointCount(collection: Collection): number {
    return this.#encoder.pointCount(collection);
  }

  make(
    collections: readonly Collection[],
    own: OwnTotals | undefined,
  ): { request: MetricsBatch; bytes: number } {
    const points = collections.reduce((sum, collection) => sum + this.pointsBytes(collection), 0);
    return {
      request: { collections, own },
      bytes: points + (own === undefined ? 0 : this.envelopeBytes(own.totals)),
    };
  }
}
