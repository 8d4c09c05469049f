import type { Segment } from '../../spool/spool-store.js';
import type { ExportResult } from '../exporter.js';
import type { SourceEnd } from './state.js';

/** What can happen to a sink. */
export type DeliveryInput<T> =
  /** The source emitted an item. */
  | { readonly type: 'collected'; readonly item: T }
  /** A scheduled flush is due: an interval, or a wait, is over. */
  | { readonly type: 'flush-due' }
  /** Somebody requested a flush. */
  | { readonly type: 'flush-requested' }
  /** The export under way has ended. */
  | { readonly type: 'answered'; readonly result: ExportResult<T> }
  /** The events of the last answer were emitted, and all that they caused was handled. */
  | { readonly type: 'go-on' }
  /** The wait that the receiver asked for is over. */
  | { readonly type: 'asked-wait-over' }
  /** It is time to write what should be on disk: a flush interval is over. */
  | { readonly type: 'write-due' }
  /** The export under way has had no answer for a flush interval. */
  | { readonly type: 'unanswered' }
  /** A segment is on disk. */
  | { readonly type: 'written'; readonly segment: Segment }
  /** A segment could not be written. */
  | { readonly type: 'not-written'; readonly error: Error }
  /** The oldest segment was read. */
  | { readonly type: 'read'; readonly items: readonly T[] }
  /** It could not be read: now, or ever, and then it is no longer there. */
  | { readonly type: 'not-read'; readonly error: Error; readonly isGone: boolean }
  /** What is done could not be written down. */
  | { readonly type: 'disk-failed'; readonly error: Error }
  /** All calls of the disk were made. */
  | { readonly type: 'disk-settled' }
  /** The source completed or failed. */
  | { readonly type: 'source-ended'; readonly end: SourceEnd }
  /** The time of the drain is up. */
  | { readonly type: 'deadline'; readonly error: Error }
  /** The exporter was shut down. */
  | { readonly type: 'shut-down' };
