import type { PartialSuccess } from './exporter.js';

/** The receiver acknowledged a batch. */
export interface Exported {
  readonly type: 'exported';
  /** Items delivered whole by this export. */
  readonly items: number;
  /** Items dropped since the last acknowledged export: each is reported here once. */
  readonly droppedBefore: number;
  /** What the receiver left out of it; `undefined` if nothing. */
  readonly partial: PartialSuccess | undefined;
}

/** The first acknowledged export after one or more failures. Comes right after its `exported`. */
export interface Recovered {
  readonly type: 'recovered';
  /** Failures in a row that went before. */
  readonly failures: number;
}

/** An export failed or got no answer in time. What it was to deliver is held again. */
export interface Failed {
  readonly type: 'failed';
  readonly error: Error;
  /** Failures in a row, this one included. The failure of a last chance does not count. */
  readonly failures: number;
  /** Milliseconds to the next scheduled attempt. 0 if the drain is next. `undefined` if there is none: this was the drain's. */
  readonly retryInMillis: number | undefined;
  /** Items held now. */
  readonly held: number;
}

/** The receiver refused a batch as a whole; the flush goes on with smaller ones. */
export interface Split {
  readonly type: 'split';
  readonly error: Error;
  /** Items in the refused batch. */
  readonly items: number;
}

/** The receiver refused the data itself. It is given up. */
export interface Rejected {
  readonly type: 'rejected';
  readonly error: Error;
  /** Items given up whole. */
  readonly items: number;
  /** Data points given up of an item of which the rest goes on. */
  readonly points: number;
}

/** Items were evicted because the buffer, or the spool, was full, or because they could not be read from it. */
export interface Dropped {
  readonly type: 'dropped';
  readonly items: number;
  /** All that this sink has dropped. */
  readonly total: number;
  /** Whether they were on disk. Default: they were held. */
  readonly isFromSpool?: true;
}

/** Items were written to the spool. */
export interface SpooledItems {
  readonly type: 'spooled';
  readonly items: number;
  /** On disk. */
  readonly bytes: number;
  /** Whether the disk had failed, and works again. */
  readonly recovered: boolean;
}

/** A segment of the spool cannot be read, and its items are given up. */
export interface SegmentLost {
  readonly type: 'segment-lost';
  /** Names it. */
  readonly error: Error;
  readonly items: number;
}

/** The disk of the spool fails. What was to be written is held. */
export interface SpoolFailed {
  readonly type: 'spool-failed';
  readonly error: Error;
}

/** A flush has sent all that was held when it began, or when it was last asked for. */
export interface Flushed {
  readonly type: 'flushed';
}

/** The source ended and all was tried. The last event of a sink that is not unsubscribed from. */
export interface Drained {
  readonly type: 'drained';
  /** Items that were still held, and are lost. */
  readonly lost: number;
  /** Items that are in the spool, and not lost. `undefined` without one. */
  readonly spooled?: number;
  /** Items that the receiver refused in the drain, and are lost too. */
  readonly rejected: number;
  /** Why the last export failed; `undefined` if it did not. */
  readonly error: Error | undefined;
}

/** What happens in a sink. */
export type DeliveryEvent =
  | Exported
  | Recovered
  | Failed
  | Split
  | Rejected
  | Dropped
  | SpooledItems
  | SpoolFailed
  | SegmentLost
  | Flushed
  | Drained;
