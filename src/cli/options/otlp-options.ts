import { MAX_DELAY_MILLIS, type OtlpSinkOptions, proxyFor } from '../../index.js';
import type { Log } from '../log.js';
import { UsageError } from '../usage-error.js';
import { readDeliveryOptions } from './delivery-options.js';
import { missingEndpoint, readEndpoint } from './endpoint.js';
import { readHeaders } from './headers.js';
import type { Environment, OptionReader } from './option-reader.js';
import { protocolOf, readProtocol } from './protocol.js';
import { readResource } from './resource.js';
import { readTlsFiles } from './tls-files.js';
import { contentsOf } from './watched-files.js';

/**
 * Reads the flags of `otel`'s delivery, and OpenTelemetry's variables.
 *
 * @returns `undefined` if there is no endpoint
 * @throws {UsageError} for what cannot be used
 */
export function readOtlpOptions(
  options: OptionReader,
  environment: Environment,
  log: Log,
): OtlpSinkOptions | undefined {
  const protocol = readProtocol(options);
  const compression = options.word('compression', ['none', 'gzip']);
  if (
    protocol === 'http' &&
    compression === 'gzip' &&
    options.setting('compression')?.source === '--compression'
  ) {
    throw new UsageError(
      `--compression: got "gzip" with ${protocolOf(options)}: the flag goes with grpc only; for http set OTEL_EXPORTER_OTLP_COMPRESSION=gzip`,
    );
  }
  requireExtraCertificates(environment.NODE_EXTRA_CA_CERTS);
  const endpoint = readEndpoint(options, environment, protocol);
  if (endpoint === undefined) {
    return undefined;
  }
  return {
    protocol,
    compression,
    endpoint,
    proxy: readProxy(endpoint, environment),
    ...readTlsFiles(options, { endpoint, protocol, extraCertificates: environment.NODE_EXTRA_CA_CERTS, log }),
    headers: readHeaders(options, environment, log),
    resource: readResource(options, environment, log),
    emitRunId: options.switch('emit-run-id'),
    emitPid: options.switch('emit-pid'),
    ...readDeliveryOptions(options),
    exportTimeoutMillis: options.duration('export-timeout', 1, MAX_DELAY_MILLIS),
  };
}

/**
 * The same, where there must be an endpoint.
 *
 * @throws {UsageError} for what cannot be used, and without an endpoint
 */
export function requireOtlpOptions(
  options: OptionReader,
  environment: Environment,
  log: Log,
): OtlpSinkOptions {
  const otlp = readOtlpOptions(options, environment, log);
  if (otlp === undefined) {
    throw missingEndpoint(readProtocol(options));
  }
  return otlp;
}

/** Node itself would only print a line about it, which is no JSON. */
function requireExtraCertificates(file: string | undefined): void {
  if (file === undefined || file === '') {
    return;
  }
  contentsOf({ path: file, source: 'NODE_EXTRA_CA_CERTS', kind: 'a PEM file' });
}

function readProxy(endpoint: string, environment: Environment): string | undefined {
  try {
    return proxyFor(new URL(endpoint), environment)?.href;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
