import { areSameCredentials, type Credentials } from '../otlp/transport/credentials.js';
import type { OtlpProtocol } from '../otlp/transport/endpoint.js';
import { withPresentableAnswers } from '../otlp/transport/presentable.js';
import { redactor } from '../otlp/transport/redactor.js';
import { renewedOnChange } from '../otlp/transport/renewed-on-change.js';
import type { Transport, TransportSettings } from '../otlp/transport/transport.js';
import { metricExporterTransport } from './metric-exporter-transport.js';
import type { MetricsBatch } from './metrics-batch.js';
import type { ResourceMetricsOptions } from './resource-metrics.js';
import { resourceMetricsOf } from './resource-metrics-of.js';

/**
 * How much earlier than the sink an exporter gives up, as a part of the sink's timeout and in ms at the most: an export
 * that the sink gives up could still arrive.
 */
const EARLIER = { part: 0.1, mostMillis: 500 };

/**
 * The longest that one export takes, in timeouts of the exporter: over HTTP an attempt that it makes again by itself gets the
 * time that was left before the wait for it. Source: RetryingTransport of @opentelemetry/otlp-exporter-base 0.223.
 */
const LONGEST_EXPORT = { grpc: 1, http: 2 };

/**
 * The transport of a protocol that is an official exporter of OpenTelemetry JS. Its code is loaded at the first batch.
 *
 * @param credentials asked before each batch
 */
export function officialTransport(
  protocol: OtlpProtocol,
  settings: TransportSettings,
  credentials: () => Credentials,
  words: ResourceMetricsOptions,
  exportTimeoutMillis: number,
): Transport<MetricsBatch> {
  const longestMillis =
    exportTimeoutMillis - Math.min(EARLIER.mostMillis, exportTimeoutMillis * EARLIER.part);
  const timeoutMillis = longestMillis / LONGEST_EXPORT[protocol];
  const build = resourceMetricsOf(words);
  return renewedOnChange(credentials, areSameCredentials, (current) =>
    withPresentableAnswers(
      metricExporterTransport(async () => {
        const { officialExporter } = await import('./official-exporter.js');
        return officialExporter(protocol, { ...settings, ...current }, timeoutMillis);
      }, build),
      redactor(current.headers, settings.endpoint),
      protocol,
    ),
  );
}
