import type { ObservableNotification } from 'rxjs';
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
  /** The drain, once it has begun, with `totals.rejected` at its beginning. */
  readonly drain: { readonly rejectedBefore: number } | undefined;
  readonly totals: DeliveryTotals;
}

/** How a source ended: completion or an error. */
export type SourceEnd = Exclude<ObservableNotification<never>, { readonly kind: 'N' }>;

/** The state of a sink that has just been subscribed to. */
export function initialDelivery<T>(): Delivery<T> {
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
    totals: INITIAL_TOTALS,
  };
}

/** How many of the held items the flush under way has still to send. */
export function leftToFlush<T>({ held, flushThrough, totals }: Delivery<T>): number {
  const { delivered, dropped, rejected } = totals;
  return Math.max(0, Math.min(held.size, flushThrough - delivered - dropped - rejected));
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
    flushThrough: state.flushThrough,
    failuresInARow: state.failuresInARow,
    splitsInARow: state.splitsInARow,
    droppedSinceSuccess: state.droppedSinceSuccess + dropped,
    lastError: state.lastError,
    lastChance: state.lastChance,
    isAskedToWait: state.isAskedToWait,
    waitEndsAtMillis: state.waitEndsAtMillis,
    ended: state.ended,
    drain: state.drain,
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
