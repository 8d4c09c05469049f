import type { ObservableNotification } from 'rxjs';
import { bytesIn, leftIn, type Segment } from '../../spool/spool-store.js';
import { type DeliveryTotals, INITIAL_TOTALS } from '../exporter.js';
import { Queue } from '../queue.js';

/** Everything that a sink knows. Immutable: each input makes a new one. */
export interface Delivery<T> {
  /**
   * - `idle`: waits for the next flush.
   * - `exporting`: a flush, or the drain, is under way.
   * - `waiting`: in a backoff.
   * - `shutting-down`: the exporter is being shut down.
   * - `done`: the stream has ended.
   */
  readonly phase: 'idle' | 'exporting' | 'waiting' | 'shutting-down' | 'done';
  /** Items that wait for an export, those in flight not among them. */
  readonly held: Queue<T>;
  /** The batch of the export under way; empty if there is none. */
  readonly inFlight: readonly T[];
  /** The flush under way sends items up to this one, counted from the first item ever collected. */
  readonly flushThrough: number;
  /** Failures since the last acknowledged export, without the last chance. */
  readonly failuresInARow: number;
  readonly splitsInARow: number;
  readonly droppedSinceSuccess: number;
  /** Why the last export failed or was refused; `undefined` if it did not. */
  readonly lastError: Error | undefined;
  /**
   * The attempt that a full buffer makes during a wait, once between two acknowledged exports. `running` until its
   * first answer, or until the wait is over.
   */
  readonly lastChance: 'unused' | 'running' | 'used';
  /** Whether the receiver asked for a wait that is not over: there is no last chance before. */
  readonly isAskedToWait: boolean;
  /** Wall-clock time at which the wait ends, Unix ms. Says when, in events; the cadence decides. */
  readonly waitEndsAtMillis: number;
  /** How the source ended; `undefined` while it goes on. */
  readonly ended: SourceEnd | undefined;
  /** The drain, once it has begun, with `totals.rejected` at its beginning, and whether its time is up. */
  readonly drain: { readonly rejectedBefore: number; readonly isOver: boolean } | undefined;
  /** What waits on disk, older than all that is held; `undefined` without a spool. */
  readonly spool: Spooled<T> | undefined;
  readonly totals: DeliveryTotals;
}

/**
 * What waits on disk, and beside it. The order of items is: in flight from the front, the front, the segments, those that are
 * being written; or in flight from what is held, and then all of these; and at last what is held.
 */
export interface Spooled<T> {
  /** The number of the next item that comes, counted over the whole life of the spool. */
  readonly next: number;
  /** In memory, and older than all segments: the rest of the segment that is being sent, or a batch that came back. */
  readonly front: Queue<T>;
  /** The segment that the front, and a batch in flight from it, are of; `undefined` if they are on no disk. */
  readonly frontSegment: Segment | undefined;
  /** The number of the first item of the front, or in flight from it. */
  readonly frontFirst: number;
  /** The other segments, the oldest first, and the sums of their items that are not done and of their bytes. */
  readonly segments: Queue<Segment>;
  readonly segmentItems: number;
  readonly segmentBytes: number;
  /** Whether the first item of the front is what is left of one: it cannot be read again without the rest. */
  readonly isFrontPartial: boolean;
  /** Items that are being written. */
  readonly writing: Writing<T> | undefined;
  /** Whether the oldest segment is being read. */
  readonly isReading: boolean;
  /** Whether the batch in flight is of the front. */
  readonly isFrontInFlight: boolean;
  /** Whether the export under way has had no answer for a flush interval. */
  readonly isUnanswered: boolean;
  /** Whether the flush goes on when what is being written is written. */
  readonly isFlushWaiting: boolean;
  /** Whether the end of the drain waits for the last calls of the disk. */
  readonly isSettling: boolean;
  /** Why the disk last failed; `undefined` if it works. */
  readonly error: Error | undefined;
}

/** Items that are being written. */
export interface Writing<T> {
  readonly first: number;
  readonly items: readonly T[];
  readonly isFront: boolean;
  /** Whether the disk fails, and the item would otherwise be dropped. */
  readonly isTrial: boolean;
  /** Whether the drain's end has asked for it. */
  readonly isLast: boolean;
}

/** Items that wait before those that are held. */
function waitingBefore<T>({ front, segmentItems, writing }: Spooled<T>): number {
  return front.size + segmentItems + (writing?.items.length ?? 0);
}

/** How a source ended: completion or an error. */
export type SourceEnd = Exclude<ObservableNotification<never>, { readonly kind: 'N' }>;

/**
 * The state of a sink that has just been subscribed to.
 *
 * @param segments what is in the spool; `undefined` without one
 */
export function initialDelivery<T>(segments?: readonly Segment[]): Delivery<T> {
  return {
    phase: 'idle',
    held: Queue.of<T>(),
    inFlight: [],
    flushThrough: 0,
    failuresInARow: 0,
    splitsInARow: 0,
    droppedSinceSuccess: 0,
    lastError: undefined,
    lastChance: 'unused',
    isAskedToWait: false,
    waitEndsAtMillis: 0,
    ended: undefined,
    drain: undefined,
    spool: segments && initialSpool(segments),
    totals: segments === undefined ? INITIAL_TOTALS : { ...INITIAL_TOTALS, collected: leftIn(segments) },
  };
}

function initialSpool<T>(segments: readonly Segment[]): Spooled<T> {
  const newest = segments.at(-1);
  return {
    next: newest === undefined ? 1 : newest.first + newest.items,
    front: Queue.of<T>(),
    frontSegment: undefined,
    frontFirst: 0,
    segments: Queue.of(segments),
    segmentItems: leftIn(segments),
    segmentBytes: bytesIn(segments),
    isFrontPartial: false,
    writing: undefined,
    isReading: false,
    isFrontInFlight: false,
    isUnanswered: false,
    isFlushWaiting: false,
    isSettling: false,
    error: undefined,
  };
}

/** How many of the items that wait the flush under way has still to send. */
export function leftToFlush<T>({ held, spool, flushThrough, totals }: Delivery<T>): number {
  const { delivered, dropped, rejected } = totals;
  const waiting = held.size + (spool === undefined ? 0 : waitingBefore(spool));
  return Math.max(0, Math.min(waiting, flushThrough - delivered - dropped - rejected));
}

/**
 * The state with other items held. Written out, because this runs for every item and copying by spread takes several
 * times as long.
 *
 * @param collected items that came in now
 * @param dropped items that were dropped now
 */
export function withHeld<T>(
  state: Delivery<T>,
  held: Queue<T>,
  collected: number,
  dropped: number,
): Delivery<T> {
  const { totals } = state;
  return {
    phase: state.phase,
    held,
    inFlight: state.inFlight,
    // Positions count what was dropped: a drop from the middle must not shorten the flush.
    flushThrough: state.spool === undefined ? state.flushThrough : state.flushThrough + dropped,
    failuresInARow: state.failuresInARow,
    splitsInARow: state.splitsInARow,
    droppedSinceSuccess: state.droppedSinceSuccess + dropped,
    lastError: state.lastError,
    lastChance: state.lastChance,
    isAskedToWait: state.isAskedToWait,
    waitEndsAtMillis: state.waitEndsAtMillis,
    ended: state.ended,
    drain: state.drain,
    spool: state.spool === undefined || collected === 0 ? state.spool : withNext(state.spool, collected),
    totals: {
      collected: totals.collected + collected,
      delivered: totals.delivered,
      dropped: totals.dropped + dropped,
      rejected: totals.rejected,
      rejectedPoints: totals.rejectedPoints,
      exportsSucceeded: totals.exportsSucceeded,
      exportsFailed: totals.exportsFailed,
      lastSuccessAtMillis: totals.lastSuccessAtMillis,
    },
  };
}

const withNext = <T>(spool: Spooled<T>, collected: number): Spooled<T> => ({
  ...spool,
  next: spool.next + collected,
});
