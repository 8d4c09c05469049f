import type { ObservableInput } from 'rxjs';

/**
 * How one export ended. Which of the four decides what becomes of the batch, so each says just that:
 *
 * - `delivered`: the receiver has it. With a `remainder`, it has all but that: the batch's last item was too large
 *   for one request, and this is what is left of it. It goes out in the next export of the same flush.
 * - `rejected`: the receiver refused the data itself and would refuse it for ever. The batch is given up; with a
 *   `remainder`, all but that, which goes out in the next export of the same flush.
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

/** The most `split`s in a row, without anything between them that gets on: a bound on what a flush may try. */
export const MAX_SPLITS_IN_A_ROW = 64;

/** The part of a delivered batch that the receiver left out. It is not sent again. */
export interface PartialSuccess {
  /** Data points left out; 0 if the receiver only had a remark to make. */
  readonly rejectedPoints: number;
  /** The receiver's own words. */
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

/** Takes batches to a receiver. This is the interface for sinks of one's own: see `deliver`. */
export interface Exporter<T> {
  /**
   * Makes one attempt to deliver a batch, and tells how it ended.
   *
   * The first value decides, later ones are ignored; completing without one, or with `undefined` or `null`, means
   * `delivered`. Throwing or failing means `failed`, as does a value that is no {@link ExportResult}. So a function
   * that returns a promise of nothing is an exporter. It is unsubscribed from when it takes longer than the export timeout, or
   * when the sink is unsubscribed from: it should then let go of the connection.
   *
   * Never called again before the last call has ended.
   *
   * @param batch the oldest items held, oldest first
   * @param totals what the sink has done up to now
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: what a promise of nothing is a promise of
  export(batch: readonly T[], totals: DeliveryTotals): ObservableInput<ExportResult<T> | void>;

  /**
   * How many of the oldest items go out together in the next export. Default: all.
   *
   * @param held all that this flush is to send, oldest first: one item or more
   * @param totals what the sink has done up to now
   * @returns an integer of 1 to `held.length`
   */
  batchSize?(held: readonly T[], totals: DeliveryTotals): number;

  /** Whether a flush that finds nothing held exports an empty batch all the same. Default: false. */
  readonly exportsEmptyBatches?: boolean;

  /**
   * Lets go of all that the exporter holds. Called once: at the end of the drain, which waits for it within the
   * export timeout; when that is up, or when the sink is unsubscribed from, which do not wait.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: what a function without a return returns
  shutdown?(): ObservableInput<unknown> | void;
}
