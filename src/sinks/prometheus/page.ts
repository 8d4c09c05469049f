import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import type { Collection } from '../../shm/collection.js';
import { onceARun } from '../once-a-run.js';
import { type AttributeOptions, runAttributes } from '../otlp/encoding/attributes.js';
import { SANDBOX_METRICS } from '../otlp/encoding/metrics.js';
import { NO_RESOURCE, sandboxMetrics, scopeOf } from '../sdk/resource-metrics.js';
import { attributesByLabelName } from './label-names.js';
import { metricName } from './metric-name.js';
import { ownMetrics } from './own-metrics.js';
import { ownPage } from './own-page.js';

/** What is on a page. */
export interface PageOptions extends AttributeOptions {
  /** Adds the time of the sample to each sandbox's values. Default: false. */
  readonly timestamps?: boolean | undefined;
}

/** The names of the per-sandbox metrics, and what is the same on every page. No `# UNIT`: it is no part of this format. */
const NAMES = new Map(SANDBOX_METRICS.map((metric) => [metric.name, metricName(metric)]));

/**
 * A function that writes collections as pages of the Prometheus text format, with the names and the per-sandbox labels that
 * Prometheus's OTLP receiver makes of the same metrics. Without `target_info` and `otel_scope_*`.
 */
export function pageWriter(options: PageOptions): (collection: Collection) => string {
  const attributesOf = onceARun((run) => attributesByLabelName(runAttributes(run, options)));
  const sandboxes = new PrometheusSerializer('', options.timestamps === true, undefined, true, true);
  return (collection) => {
    const metrics = sandboxMetrics([collection], attributesOf)
      .filter(({ dataPoints }) => dataPoints.length > 0)
      .map(renamed);
    return (metrics.length === 0 ? '' : written(sandboxes, metrics)) + ownPage(ownMetrics(collection));
  };
}

const renamed = (metric: MetricData): MetricData => {
  const { descriptor } = metric;
  return {
    ...metric,
    descriptor: { ...descriptor, name: NAMES.get(descriptor.name) ?? descriptor.name, unit: '' },
  };
};

const written = (serializer: PrometheusSerializer, metrics: MetricData[]): string =>
  serializer.serialize({ resource: NO_RESOURCE, scopeMetrics: [scopeOf(metrics)] });
