import type { Segment } from '../../spool/spool-store.js';
import type { DeliveryEvent } from '../delivery-events.js';
import type { DeliveryTotals } from '../exporter.js';
import type { SourceEnd } from './state.js';

/** What a sink does because of an input. Effects are carried out in their order. */
export type DeliveryEffect<T> =
  /** Emits an event. */
  | { readonly type: 'emit'; readonly event: DeliveryEvent }
  /** Ends the stream as its source ended. */
  | { readonly type: 'end'; readonly end: SourceEnd }
  | DeliveryCommand<T>;

/** The effects that come back as inputs, or that change when inputs come. */
export type DeliveryCommand<T> =
  /** Begins an export. Its end comes back as `answered`. */
  | { readonly type: 'export'; readonly batch: readonly T[]; readonly totals: DeliveryTotals }
  /** Comes back as `go-on`, after all that the events before it have caused. */
  | { readonly type: 'go-on' }
  /**
   * Interrupts the flush cadence for `waitMillis`. After `askedMillis`, `asked-wait-over` comes: the receiver asked for
   * that part of the wait. 0 if it asked for none of it, or for all.
   */
  | { readonly type: 'back-off'; readonly waitMillis: number; readonly askedMillis: number }
  /** Begins the flush cadence anew. */
  | { readonly type: 'resume' }
  /** Writes a segment. Comes back as `written` or `not-written`. */
  | { readonly type: 'write-segment'; readonly first: number; readonly items: readonly T[] }
  /** Reads a segment. Comes back as `read` or `not-read`. */
  | { readonly type: 'read-segment'; readonly segment: Segment }
  /** Remembers on disk how many items of a segment are done. */
  | { readonly type: 'keep-segment'; readonly segment: Segment }
  /** Removes segments from disk. */
  | { readonly type: 'remove-segments'; readonly segments: readonly Segment[] }
  /** Gives up an export that is under way: the end waits for the disk. */
  | { readonly type: 'cancel-export' }
  /** Comes back as `disk-settled`, after all calls of the disk before it. */
  | { readonly type: 'settle-disk' }
  /** The last exports begin: there are no more flushes, and there is a `deadline`. */
  | { readonly type: 'begin-drain' }
  /** Gives up an export that is under way and shuts the exporter down. Comes back as `shut-down`. */
  | { readonly type: 'shut-down' };
