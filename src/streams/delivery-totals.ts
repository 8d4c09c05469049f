import type { DeliveryEvent } from './delivery-events.js';
import type { DeliveryTotals } from './exporter.js';

/**
 * The totals of a sink after one more of its events: the same numbers as its exporter gets. `collected` is what the source
 * knows, and no event says it: it stays what it was.
 *
 * @param nowMillis when the event came, Unix ms
 */
export function totalsAfter(totals: DeliveryTotals, event: DeliveryEvent, nowMillis: number): DeliveryTotals {
  switch (event.type) {
    case 'exported':
      return {
        ...totals,
        delivered: totals.delivered + event.items,
        rejectedPoints: totals.rejectedPoints + (event.partial?.rejectedPoints ?? 0),
        exportsSucceeded: totals.exportsSucceeded + 1,
        lastSuccessAtMillis: nowMillis,
      };
    case 'failed':
    case 'split':
      return totalsAfterFailedExport(totals);
    case 'rejected':
      return {
        ...totalsAfterFailedExport(totals),
        rejected: totals.rejected + event.items,
        rejectedPoints: totals.rejectedPoints + event.points,
      };
    case 'dropped':
      return { ...totals, dropped: event.total };
    default:
      return totals;
  }
}

/** The totals with one more export that failed, was refused, or is to be divided. */
export const totalsAfterFailedExport = (totals: DeliveryTotals): DeliveryTotals => ({
  ...totals,
  exportsFailed: totals.exportsFailed + 1,
});
