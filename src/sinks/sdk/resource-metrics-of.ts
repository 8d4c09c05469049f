import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { MetricsBatch } from './metrics-batch.js';
import type { ResourceMetricsOptions } from './resource-metrics.js';

/** A function that puts batches into the words of the SDK, which it loads at the first of them. */
export function resourceMetricsOf(
  options: ResourceMetricsOptions,
): (batch: MetricsBatch) => Promise<ResourceMetrics> {
  let builder: Promise<(batch: MetricsBatch) => ResourceMetrics> | undefined;
  return async (batch) => {
    builder ??= import('./resource-metrics.js').then(({ resourceMetricsBuilder }) =>
      resourceMetricsBuilder(options),
    );
    return (await builder)(batch);
  };
}
