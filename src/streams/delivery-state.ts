import type { DeliveryEvent } from './delivery-events.js';
import { type DeliveryTotals, type ExportResult, INITIAL_TOTALS, MAX_SPLITS_IN_A_ROW } from './exporter.js';
import { HeldItems } from './held-items.js';

/**
 * What a sink knows: the items it holds, those that are out for an export, and its totals. Plain state without
 * time or streams; `deliver` says when each of these happens.
 *
 * At every instant: collected = delivered + rejected + dropped + in flight + held.
 */
export class DeliveryState<T> {
  readonly #held: HeldItems<T>;
  #inFlight: readonly T[] = [];
  #isExporting = false;
  #failuresInARow = 0;
  #droppedSinceSuccess = 0;
  #splitsInARow = 0;
  #lastError: Error | undefined;
  #rejectedBeforeDrain = 0;
  /** The flush under way sends items up to this one, counted from the first ever collected. */
  #flushThrough = 0;
  #totals = INITIAL_TOTALS;

  /** @param maxBuffered the most items held */
  constructor(maxBuffered: number) {
    this.#held = new HeldItems(maxBuffered);
  }

  get totals(): DeliveryTotals {
    return this.#totals;
  }

  /** Items held, those in flight not among them. */
  get heldCount(): number {
    return this.#held.length;
  }

  /** Failures since the last acknowledged export. */
  get failuresInARow(): number {
    return this.#failuresInARow;
  }

  /** Takes in an item. */
  hold(item: T): DeliveryEvent[] {
    this.#count({ collected: this.#totals.collected + 1 });
    return this.#dropped(this.#held.push(item));
  }

  /** The flush under way, or the next one, is to send all that is held now. */
  flushAllHeld(): void {
    this.#flushThrough = this.#totals.collected;
  }

  /** How many of the held items the flush under way has still to send. */
  get leftToFlush(): number {
    const { delivered, dropped, rejected } = this.#totals;
    return Math.max(0, Math.min(this.#held.length, this.#flushThrough - delivered - dropped - rejected));
  }

  /**
   * Takes out the next batch of the flush under way.
   *
   * @param batchSize how many of the items to be sent go out together; anything but a count of them counts as all
   */
  takeBatch(batchSize: (held: readonly T[]) => number): readonly T[] {
    const left = this.leftToFlush;
    this.#isExporting = true;
    if (left > 0) {
      const size = batchSize(this.#held.oldest(left));
      this.#inFlight = this.#held.take(size >= 1 && size <= left ? Math.floor(size) : left);
    }
    return this.#inFlight;
  }

  /**
   * Accounts for how the export of the last batch ended.
   *
   * @param nowMillis wall-clock time, Unix ms
   * @param retryInMillis if it failed: when the next attempt is due
   */
  settle(result: ExportResult<T>, nowMillis: number, retryInMillis: number | undefined): DeliveryEvent[] {
    const batch = this.#inFlight;
    this.#inFlight = [];
    this.#isExporting = false;
    if (result.status === 'delivered') {
      return this.#delivered(batch, result, nowMillis);
    }
    const { error } = result;
    this.#count({ exportsFailed: this.#totals.exportsFailed + 1 });
    if (result.status === 'rejected') {
      return this.#rejected(batch, result);
    }
    const dropped = this.#dropped(this.#held.putBack(batch));
    if (result.status === 'split' && !this.isFailure(result)) {
      this.#splitsInARow++;
      return [{ type: 'split', error, items: batch.length }, ...dropped];
    }
    this.#splitsInARow = 0;
    this.#failuresInARow++;
    this.#lastError = error;
    const failures = this.#failuresInARow;
    return [{ type: 'failed', error, failures, retryInMillis, held: this.#held.length }, ...dropped];
  }

  /** Whether settling this result makes a failure. */
  isFailure(result: ExportResult<T>): boolean {
    return (
      result.status === 'failed' || (result.status === 'split' && this.#splitsInARow >= MAX_SPLITS_IN_A_ROW)
    );
  }

  /** From here on, what the receiver refuses is told by {@link drained}. */
  beginDrain(): void {
    this.flushAllHeld();
    this.#rejectedBeforeDrain = this.#totals.rejected;
  }

  /** Whether an export has been begun and not settled. */
  get isExporting(): boolean {
    return this.#isExporting;
  }

  /** Accounts for the end: what is still held is lost. */
  drained(): DeliveryEvent {
    const { rejected } = this.#totals;
    return {
      type: 'drained',
      lost: this.#held.length,
      rejected: rejected - this.#rejectedBeforeDrain,
      error: this.#lastError,
    };
  }

  #delivered(
    batch: readonly T[],
    result: ExportResult<T> & { status: 'delivered' },
    nowMillis: number,
  ): DeliveryEvent[] {
    const { partial } = result;
    const remainder = remainderOf(batch, result);
    const items = batch.length - remainder.length;
    const droppedBefore = this.#droppedSinceSuccess;
    const failures = this.#failuresInARow;
    this.#droppedSinceSuccess = 0;
    this.#splitsInARow = 0;
    this.#failuresInARow = 0;
    this.#lastError = undefined;
    this.#count({
      delivered: this.#totals.delivered + items,
      rejectedPoints: this.#totals.rejectedPoints + (partial?.rejectedPoints ?? 0),
      exportsSucceeded: this.#totals.exportsSucceeded + 1,
      lastSuccessAtMillis: nowMillis,
    });
    return [
      { type: 'exported', items, droppedBefore, partial },
      ...(failures > 0 ? [{ type: 'recovered', failures } as const] : []),
      ...this.#dropped(this.#held.putBack(remainder)),
    ];
  }

  #rejected(batch: readonly T[], result: ExportResult<T> & { status: 'rejected' }): DeliveryEvent[] {
    const { error, rejectedPoints = 0 } = result;
    const remainder = remainderOf(batch, result);
    const items = batch.length - remainder.length;
    this.#splitsInARow = 0;
    this.#lastError = error;
    this.#count({
      rejected: this.#totals.rejected + items,
      rejectedPoints: this.#totals.rejectedPoints + rejectedPoints,
    });
    return [
      { type: 'rejected', error, items, points: rejectedPoints },
      ...this.#dropped(this.#held.putBack(remainder)),
    ];
  }

  #dropped(items: number): DeliveryEvent[] {
    if (items === 0) {
      return [];
    }
    this.#droppedSinceSuccess += items;
    this.#count({ dropped: this.#totals.dropped + items });
    return [{ type: 'dropped', items, total: this.#totals.dropped }];
  }

  #count(change: Partial<DeliveryTotals>): void {
    this.#totals = { ...this.#totals, ...change };
  }
}

/** What is left of a batch's last item: one or none, for an empty batch has no last item. */
function remainderOf<T>(batch: readonly T[], result: { readonly remainder?: T | undefined }): readonly T[] {
  return batch.length === 0 || result.remainder === undefined ? [] : [result.remainder];
}
