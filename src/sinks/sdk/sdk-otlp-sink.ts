import { DELIVERY_DEFAULTS } from '../../defaults.js';
import { OtlpExporter } from '../otlp/otlp-exporter.js';
import { checkedSettings, type OtlpSinkOptions, otlpDelivery } from '../otlp/otlp-sink.js';
import { currentCredentials } from '../otlp/transport/credentials.js';
import type { Sink } from '../sink.js';
import { MetricsBatches } from './metrics-batch.js';
import { officialTransport } from './official-transport.js';

/**
 * The same as `otlpSink`, by the official exporters of OpenTelemetry JS instead of this package's own encoder and
 * transports. They are slower and pass on less of what a receiver answers: see `metricExporterSink`. They are loaded at the
 * first export. Over gRPC `proxy` is not used: the library finds its own in `https_proxy` and `http_proxy`.
 *
 * @throws {RangeError} for an option out of its range, when called
 */
export function sdkOtlpSink(options: OtlpSinkOptions): Sink {
  const { protocol = 'grpc', exportTimeoutMillis = DELIVERY_DEFAULTS.exportTimeoutMillis } = options;
  const settings = checkedSettings(options);
  return otlpDelivery(options, protocol, (encoder, { words, now }) => {
    const credentials = () => currentCredentials(options);
    const transport = officialTransport(protocol, settings, credentials, words, exportTimeoutMillis);
    return new OtlpExporter(new MetricsBatches(encoder), transport, now);
  });
}
