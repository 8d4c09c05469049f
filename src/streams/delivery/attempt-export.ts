import { inspect } from 'node:util';
import {
  catchError,
  defaultIfEmpty,
  defer,
  map,
  merge,
  type Observable,
  type ObservableInput,
  of,
  type SchedulerLike,
  take,
} from 'rxjs';
import { asError } from '../as-error.js';
import type { DeliveryTotals, Exporter, ExportResult } from '../exporter.js';
import { deadline } from './deadline.js';

/**
 * One attempt to export a batch. Emits how it ended, once. Never fails, whatever the exporter does. Without an answer
 * within the timeout it has failed, and the export is unsubscribed from.
 *
 * @param timeoutMillis ms
 */
export function attemptExport<T>(
  exporter: Exporter<T>,
  batch: readonly T[],
  totals: DeliveryTotals,
  timeoutMillis: number,
  scheduler: SchedulerLike,
): Observable<ExportResult<T>> {
  const answer$ = defer(() => exporter.export(batch, totals) as ObservableInput<unknown>).pipe(
    take(1),
    map(asResult<T>),
    defaultIfEmpty<ExportResult<T>, ExportResult<T>>({ status: 'delivered' }),
    catchError((error) => of<ExportResult<T>>({ status: 'failed', error: asError(error) })),
  );
  const timeout$ = deadline(timeoutMillis, scheduler).pipe(
    map((): ExportResult<T> => {
      const error = new Error(`no answer within ${timeoutMillis} ms`);
      return { status: 'failed', error };
    }),
  );
  return merge(answer$, timeout$).pipe(take(1));
}

/** What an exporter answered. It can be anything, because exporters are also written without types. */
function asResult<T>(value: unknown): ExportResult<T> {
  if (value === undefined || value === null) {
    return { status: 'delivered' };
  }
  const result = value as ExportResult<T>;
  switch (result.status) {
    case 'delivered':
      return result;
    case 'rejected':
    case 'split':
    case 'failed':
      return { ...result, error: asError(result.error) };
    default:
      throw new TypeError(`expected an ExportResult or nothing, got ${inspect(value)}`);
  }
}
