import { credentials as grpcCredentials, Metadata } from '@grpc/grpc-js';
import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as HttpExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { OtlpProtocol } from '../otlp/transport/endpoint.js';
import { createAgent } from '../otlp/transport/http-connections.js';
import { rootCertificates } from '../otlp/transport/root-certificates.js';
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

function grpcExporter(
  {
    endpoint,
    headers,
    compression,
    caCertificate,
    clientCertificate,
    clientKey,
    userAgent,
  }: TransportOptions,
  timeoutMillis: number,
): PushMetricExporter {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) {
    metadata.set(name, value);
  }
  return new GrpcExporter({
    url: endpoint.origin,
    metadata,
    timeoutMillis,
    compression: compression as never,
    credentials:
      endpoint.protocol === 'https:'
        ? grpcCredentials.createSsl(
            bufferOf(rootCertificates(caCertificate)?.join('\n')),
            bufferOf(clientKey),
            bufferOf(clientCertificate),
          )
        : grpcCredentials.createInsecure(),
    userAgent,
  });
}

function httpExporter(options: TransportOptions, timeoutMillis: number): PushMetricExporter {
  const { endpoint, headers, compression, userAgent } = options;
  return new HttpExporter({
    url: endpoint.href,
    headers: { ...headers },
    timeoutMillis,
    compression: compression as never,
    httpAgentOptions: () => createAgent(options),
    userAgent,
  });
}

const bufferOf = (pem: string | undefined): Buffer | null => (pem === undefined ? null : Buffer.from(pem));
