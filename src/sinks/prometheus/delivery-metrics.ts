import type { DeliveryTotals } from '../../streams/exporter.js';
import { LAST_SUCCESS, OWN_COUNTERS } from '../otlp/encoding/self-metrics.js';
import { metricName } from './metric-name.js';
import { type PageMetric, single } from './own-metrics.js';

/**
 * The counters that go with every request, on a page: with the names that Prometheus's OTLP receiver makes of them, so that a query
 * is the same whichever way they came.
 *
 * @param backlog collections that wait for the backend, or are on their way
 */
export function deliveryMetrics(totals: DeliveryTotals, backlog: number): readonly PageMetric[] {
  return [
    ...OWN_COUNTERS.map((counter) =>
      single(`${metricName(counter)}_total`, counter.description, counter.value(totals) ?? 0, 'counter'),
    ),
    single(metricName(LAST_SUCCESS), LAST_SUCCESS.description, LAST_SUCCESS.value(totals)),
    single(
      'microsandbox_collector_collections_held',
      'Collections that wait for the backend, or are on their way.',
      backlog,
    ),
  ];
}
