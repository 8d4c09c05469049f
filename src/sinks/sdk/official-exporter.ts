import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as HttpExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import { firstValueFrom } from 'rxjs';
import type { OtlpProtocol } from '../otlp/transport/endpoint.js';
import { channelCredentials, metadataOf } from '../otlp/transport/grpc-call.js';
import { openConnections } from '../otlp/transport/http-connections.js';
import { portOf } from '../otlp/transport/proxy.js';
import type { TransportOptions } from '../otlp/transport/transport.js';

/**
 * An official OTLP exporter of OpenTelemetry JS, with the settings of our own transports. Over gRPC a proxy is not used:
 * the library finds its own in `https_proxy` and `http_proxy`.
 *
 * @param timeoutMillis the longest that one of its attempts may take
 */
export function officialExporter(
  protocol: OtlpProtocol,
  options: TransportOptions,
  timeoutMillis: number,
): PushMetricExporter {
  return protocol === 'grpc' ? grpcExporter(options, timeoutMillis) : httpExporter(options, timeoutMillis);
}

function grpcExporter(options: TransportOptions, timeoutMillis: number): PushMetricExporter {
  const { endpoint, headers, compression, userAgent } = options;
  return withoutVariablesOfHeaders(
    () =>
      new GrpcExporter({
        url: withPort(endpoint),
        metadata: metadataOf(headers),
        timeoutMillis,
        compression: compression as never,
        credentials: channelCredentials(options),
        userAgent,
      }),
  );
}

/**
 * A URL whose port the library does not lose: it takes it from a URL, which leaves out the port of its scheme, and then
 * means 443. The credentials say whether there is TLS.
 */
const withPort = (endpoint: URL): string =>
  `${endpoint.protocol === 'https:' ? 'http' : 'https'}://${endpoint.hostname}:${portOf(endpoint)}`;

function httpExporter(options: TransportOptions, timeoutMillis: number): PushMetricExporter {
  const { endpoint, headers, compression, userAgent } = options;
  const connections = openConnections(options);
  const exporter = withoutVariablesOfHeaders(
    () =>
      new HttpExporter({
        url: endpoint.href,
        headers: { ...headers },
        timeoutMillis,
        compression: compression as never,
        httpAgentOptions: () => firstValueFrom(connections.agent$),
        userAgent,
      }),
  );
  // The library closes no connection, and tries again even after its shutdown.
  const shutdown = exporter.shutdown.bind(exporter);
  exporter.shutdown = async () => {
    connections.close();
    await shutdown();
  };
  return exporter;
}

const HEADER_VARIABLES = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_METRICS_HEADERS'];

/**
 * The official exporters add the headers of these variables, which may be meant for another receiver of the application. They
 * are read when an exporter is made, all in one go.
 */
function withoutVariablesOfHeaders<T>(create: () => T): T {
  const before = HEADER_VARIABLES.map((name) => [name, process.env[name]] as const);
  try {
    for (const name of HEADER_VARIABLES) {
      delete process.env[name];
    }
    return create();
  } finally {
    for (const [name, value] of before) {
      if (value !== undefined) {
        process.env[name] = value;
      }
    }
  }
}
