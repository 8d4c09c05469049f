import { map } from 'rxjs';
import { requireTexts } from '../../options.js';
import type { DeliveryOptions } from '../../streams/delivery-options.js';
import { OtlpExporter } from '../otlp/otlp-exporter.js';
import { type OtlpResourceOptions, otlpDelivery } from '../otlp/otlp-sink.js';
import type { Answer } from '../otlp/transport/answer.js';
import type { OtlpProtocol } from '../otlp/transport/endpoint.js';
import { presentable } from '../otlp/transport/presentable.js';
import type { Transport } from '../otlp/transport/transport.js';
import type { Sink } from '../sink.js';
import { type MetricExporterFactory, metricExporterTransport } from './metric-exporter-transport.js';
import { type MetricsBatch, MetricsBatches } from './metrics-batch.js';
import { resourceMetricsOf } from './resource-metrics-of.js';

/** Options of {@link metricExporterSink}. */
export interface MetricExporterSinkOptions extends DeliveryOptions, OtlpResourceOptions {}

/**
 * A sink for any `PushMetricExporter` of the OpenTelemetry SDK: OTLP over gRPC or HTTP, console, a vendor's own. Buffer,
 * cadence, backoff, drain and events are those of `otlpSink`. Each sample is exported once, with its own time; an export has
 * at most 8,000 points.
 *
 * The sink understands gRPC codes and HTTP statuses of the official exporters: it finds refused data and gives it up, splits a
 * request that is too large, and waits as long as RetryInfo asks. It cannot know what an exporter does not pass on: it counts a
 * partial success as delivered, and does not see the Retry-After of HTTP.
 *
 * @param createExporter called once a subscription, and again after an export that took longer than the export timeout: such
 * an exporter is shut down, but what it was still sending may arrive. Give it a shorter timeout than the sink.
 * @throws {RangeError} for an option out of its range, when called
 */
export function metricExporterSink(
  createExporter: MetricExporterFactory,
  options: MetricExporterSinkOptions = {},
): Sink {
  if (typeof createExporter !== 'function') {
    throw new RangeError(
      `createExporter: expected a function, got a value of the type ${typeof createExporter}`,
    );
  }
  if (options.resource !== undefined) {
    requireTexts('resource', options.resource);
  }
  return otlpDelivery(options, undefined, (encoder, { words, now }) => {
    const transport = metricExporterTransport(createExporter, resourceMetricsOf(words));
    return new OtlpExporter(new MetricsBatches(encoder), withWords(transport), now);
  });
}

/** Answers on one line, with a remedy where the error is one of OTLP's protocols. */
function withWords(transport: Transport<MetricsBatch>): Transport<MetricsBatch> {
  return {
    send: (batch) =>
      transport.send(batch).pipe(map((answer) => presentable(answer, (text) => text, protocolOf(answer)))),
    close: () => transport.close(),
  };
}

function protocolOf(answer: Answer): OtlpProtocol | undefined {
  if (answer.kind === 'accepted') {
    return undefined;
  }
  const { message } = answer.error;
  return message.startsWith('HTTP ') ? 'http' : message.startsWith('gRPC ') ? 'grpc' : undefined;
}
