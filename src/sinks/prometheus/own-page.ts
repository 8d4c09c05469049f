import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { counter, gauge, NO_RESOURCE, scopeOf } from '../sdk/resource-metrics.js';
import type { PageMetric } from './own-metrics.js';

const serializer = new PrometheusSerializer('', false, undefined, true, true);

/** Writes metrics of the sidecar in the Prometheus text format. One without values is left out. */
export function ownPage(metrics: readonly PageMetric[]): string {
  const written = metrics
    .filter(({ values }) => values.length > 0)
    .map(({ name, description, values, type = 'gauge' }) => {
      const points = values.map(({ labels, value }) => ({
        startTime: NO_TIME,
        endTime: NO_TIME,
        attributes: labels,
        value,
      }));
      return type === 'counter'
        ? counter({ name, description, unit: '' }, points)
        : gauge({ name, description, unit: '', type: 'double' }, points);
    });
  return serializer.serialize({ resource: NO_RESOURCE, scopeMetrics: [scopeOf(written)] });
}

const NO_TIME: [number, number] = [0, 0];
