import type { ObservableInput } from 'rxjs';

/**
 * How one export ended, which decides what becomes of the batch:
 *
 * - `delivered`: the receiver has it. With a `remainder` the receiver has all but that: the last item of the batch was too
 *   large for one request, and the remainder is what is left of it. It goes out in the next export of the same flush.
 * - `rejected`: the receiver refused the data itself and would refuse it for ever. The batch is given up. With a
 *   `remainder` all but that is given up, and the remainder goes out in the next export of the same flush.
 * - `split`: the receiver refused the batch as a whole, and smaller ones may pass. It is held again, at the front,
 *   and the flush goes on at once. After {@link MAX_SPLITS_IN_A_ROW} in a row it counts as `failed`.
 * - `failed`: anything else. The batch is held again, at the front, and the backoff begins.
 */
export type ExportResult<T> =
  | {
      readonly status: 'delivered';
      readonly remainder?: T | undefined;
      /** What the receiver did not take of a batch that it took, and why, in its own words. */
      readonly partial?: PartialSuccess | undefined;
    }
  | {
      readonly status: 'rejected';
      readonly error: Error;
      readonly remainder?: T | undefined;
      /** Data points given up of an item that goes on as `remainder`. */
      readonly rejectedPoints?: number | undefined;
    }
  | { readonly status: 'split'; readonly error: Error }
  | {
      readonly status: 'failed';
      readonly error: Error;
      /** The wait that the receiver asked for, ms. */
      readonly retryAfterMillis?: number | undefined;
    };

/** The most `split`s in a row with no other result between them: it bounds the attempts of a flush. */
export const MAX_SPLITS_IN_A_ROW = 64;

/** The part of a delivered batch that the receiver left out. It is not sent again. */
export interface PartialSuccess {
  /** Data points left out; 0 if the receiver sent only a message. */
  readonly rejectedPoints: number;
  /** The receiver's message. */
  readonly message: string;
}

/** What a sink has done since it was subscribed to. All but the last count up and never down. */
export interface DeliveryTotals {
  /** Items that came in. */
  readonly collected: number;
  /** Items that the receiver has. */
  readonly delivered: number;
  /** Items evicted because the buffer was full. */
  readonly dropped: number;
  /** Items that the receiver refused for ever. */
  readonly rejected: number;
  /** Data points left out by partial successes, or refused for ever while the rest of their item went on. */
  readonly rejectedPoints: number;
  /** Exports that the receiver acknowledged. */
  readonly exportsSucceeded: number;
  /** Exports that failed, were refused, or got no answer in time. */
  readonly exportsFailed: number;
  /** Wall-clock time of the newest acknowledged export, Unix ms; `undefined` before the first. */
  readonly lastSuccessAtMillis: number | undefined;
}

/** The totals of a sink that has just been subscribed to. */
export const INITIAL_TOTALS: DeliveryTotals = {
  collected: 0,
  delivered: 0,
  dropped: 0,
  rejected: 0,
  rejectedPoints: 0,
  exportsSucceeded: 0,
  exportsFailed: 0,
  lastSuccessAtMillis: undefined,
};

/** Takes batches to a receiver. Implement it for a sink of your own: see `deliver`. */
export interface Exporter<T> {
  /**
   * Makes one attempt to deliver a batch and says how it ended.
   *
   * The first value decides, later ones are ignored. To complete without a value, or with `undefined` or `null`, means
   * `delivered`. To throw or fail means `failed`, and so does a value that is not an {@link ExportResult}. So a function
   * that returns a promise of nothing is an exporter. The observable is unsubscribed from when it takes longer than the
   * export timeout, and when the sink is unsubscribed from. It should then close the connection.
   *
   * Never called again before the last call has ended.
   *
   * @param batch the oldest items held, oldest first
   * @param totals what the sink has done up to now
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: what a promise of nothing is a promise of
  export(batch: readonly T[], totals: DeliveryTotals): ObservableInput<ExportResult<T> | void>;

  /**
   * How many of the oldest items go out together in the next export. Default: all. If it throws, the export has failed.
   *
   * @param held all that this flush is to send, oldest first: one item or more
   * @param totals what the sink has done up to now
   * @returns an integer of 1 to `held.length`
   */
  batchSize?(held: readonly T[], totals: DeliveryTotals): number;

  /** Whether a flush that finds nothing held exports an empty batch all the same. Default: false. */
  readonly exportsEmptyBatches?: boolean;

  /**
   * Releases all that the exporter holds. Called once: at the end of the drain, which waits for it within the export
   * timeout, or when the sink is unsubscribed from, which does not wait.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: what a function without a return returns
  shutdown?(): ObservableInput<unknown> | void;
}
