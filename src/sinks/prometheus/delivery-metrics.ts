import type { DeliveryTotals } from '../../streams/exporter.js';
import { LAST_SUCCESS, OWN_COUNTERS } from '../otlp/encoding/self-metrics.js';
import { metricName } from './metric-name.js';
import type { PageMetric } from './own-metrics.js';

/**
 * The counters that go with every request, on a page: with the names that Prometheus's OTLP receiver makes of them, so that a query
 * is the same whichever way they came.
 *
 * @param backlog collections that wait for the backend, or are on their way
 */
export function deliveryMetrics(totals: DeliveryTotals, backlog: number): readonly PageMetric[] {
  const lastSuccess = LAST_SUCCESS.value(totals);
  return [
    ...OWN_COUNTERS.map(
      (counter): PageMetric => ({
        name: `${metricName(counter)}_total`,
        type: 'counter',
        description: counter.description,
        values: [{ labels: {}, value: counter.value(totals) ?? 0 }],
      }),
    ),
    {
      name: metricName(LAST_SUCCESS),
      description: LAST_SUCCESS.description,
      values: lastSuccess === undefined ? [] : [{ labels: {}, value: lastSuccess }],
    },
    {
      name: 'microsandbox_collector_collections_held',
      description: 'Collections that wait for the backend, or are on their way.',
      values: [{ labels: {}, value: backlog }],
    },
  ];
}
