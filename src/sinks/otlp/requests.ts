import type { Collection } from '../../shm/collection.js';
import type { DeliveryTotals } from '../../streams/exporter.js';

/** What the sidecar's own metrics are made of. */
export interface OwnTotals {
  readonly totals: DeliveryTotals;
  /** Unix ms. */
  readonly nowMillis: number;
}

/** Makes requests of one kind, and knows how large they come out. */
export interface Requests<Request> {
  /** The most bytes of a request. */
  readonly maxBytes: number;
  /** The bytes of a request without its sandboxes' points, or a few more: an upper bound. */
  envelopeBytes(totals: DeliveryTotals): number;
  /** Bytes that the points of the rows from `from` to before `to` take. Default: of all rows. */
  pointsBytes(collection: Collection, from?: number, to?: number): number;
  /** Data points that a collection makes. */
  pointCount(collection: Collection): number;
  /**
   * One request with all points of a batch.
   *
   * @param own for the sidecar's own metrics; `undefined` leaves them out
   */
  make(
    batch: readonly Collection[],
    own: OwnTotals | undefined,
  ): { readonly request: Request; readonly bytes: number };
  /** The request was answered, so what it is made of can be used again. Not called for one that was given up. */
  answered?(request: Request): void;
}
