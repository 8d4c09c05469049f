import { inspect } from 'node:util';
import { catchError, defer, EMPTY, ignoreElements, type Observable, type SchedulerLike, share } from 'rxjs';
import { asError } from '../as-error.js';
import type { DeliveryTotals, Exporter, ExportResult } from '../exporter.js';
import { attemptExport } from './attempt-export.js';

/**
 * Makes the exporter of one subscription.
 *
 * @param scheduler the scheduler of the delivery, for an exporter that needs the time
 */
export type ExporterFactory<T> = (scheduler: SchedulerLike) => Exporter<T>;

/** An exporter as a delivery uses it: whatever the exporter does, nothing here throws or fails. */
export interface SafeExporter<T> {
  readonly exportsEmptyBatches: boolean;
  /** All, for an exporter that does not say. An error where the exporter threw. */
  readonly batchSize: (sendable: readonly T[], totals: DeliveryTotals) => number | Error;
  /** One attempt, see {@link attemptExport}. */
  readonly attempt: (
    batch: readonly T[],
    totals: DeliveryTotals,
    timeoutMillis: number,
  ) => Observable<ExportResult<T>>;
  /** Shuts the exporter down at the first subscription; each subscriber waits for that same end. Emits nothing. */
  readonly shutdown$: Observable<never>;
}

/**
 * Makes the exporter of one subscription.
 *
 * @throws {TypeError} if what the factory makes is not an exporter
 * @throws whatever the factory throws
 */
export function exporterFor<T>(
  createExporter: ExporterFactory<T>,
  scheduler: SchedulerLike,
): SafeExporter<T> {
  const exporter = createExporter(scheduler);
  if (typeof exporter?.export !== 'function') {
    throw new TypeError(`exporter: expected an object with a function export, got ${inspect(exporter)}`);
  }
  return {
    exportsEmptyBatches: exporter.exportsEmptyBatches === true,
    batchSize: (sendable, totals) => batchSizeOf(exporter, sendable, totals),
    attempt: (batch, totals, timeoutMillis) =>
      attemptExport(exporter, batch, totals, timeoutMillis, scheduler),
    shutdown$: defer(() => exporter.shutdown?.() ?? EMPTY).pipe(
      ignoreElements(),
      catchError(() => EMPTY),
      share({ resetOnComplete: false, resetOnRefCountZero: false }),
    ),
  };
}

function batchSizeOf<T>(
  exporter: Exporter<T>,
  sendable: readonly T[],
  totals: DeliveryTotals,
): number | Error {
  try {
    return exporter.batchSize?.(sendable, totals) ?? sendable.length;
  } catch (error) {
    return asError(error);
  }
}
