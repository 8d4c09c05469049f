import { type OtlpProtocol, parseEndpoint } from '../../index.js';
import { UsageError } from '../usage-error.js';
import { type Environment, type OptionReader, readBoolean } from './option-reader.js';

/**
 * Reads the endpoint. As a flag, and in the variable for metrics, it is used as it is. To the variable for all signals
 * `v1/metrics` is added for HTTP; and a variable for gRPC may lack its scheme, which `..._INSECURE` then decides.
 *
 * Source: "Endpoint URLs for OTLP/HTTP" and "Configuration options" of the OTLP exporter specification.
 *
 * @returns `undefined` if neither the flag nor a variable gives one
 * @throws {UsageError} for one that cannot be used
 */
export function readEndpoint(
  options: OptionReader,
  environment: Environment,
  protocol: OtlpProtocol,
): string | undefined {
  const isInsecure =
    readBoolean('OTEL_EXPORTER_OTLP_METRICS_INSECURE', environment) ??
    readBoolean('OTEL_EXPORTER_OTLP_INSECURE', environment) ??
    false;
  const setting = options.setting('endpoint');
  if (setting === undefined) {
    return undefined;
  }
  const { source } = setting;
  const mayLackScheme = protocol === 'grpc' && source !== '--endpoint';
  const text =
    mayLackScheme && /^(?![a-z][a-z0-9+.-]*:\/\/)[^=\s]+$/iu.test(setting.text)
      ? `${isInsecure ? 'http' : 'https'}://${setting.text}`
      : setting.text;
  try {
    const endpoint = parseEndpoint(text, protocol);
    if (source === OF_ALL_SIGNALS && protocol === 'http') {
      endpoint.pathname = `${endpoint.pathname.replace(/\/$/u, '')}/v1/metrics`;
    }
    return endpoint.href;
  } catch (error) {
    throw new UsageError(`${source}: ${(error as Error).message}`);
  }
}

const OF_ALL_SIGNALS = 'OTEL_EXPORTER_OTLP_ENDPOINT';

/** Says that there must be an endpoint. */
export function missingEndpoint(protocol: OtlpProtocol): UsageError {
  const example = protocol === 'grpc' ? 'http://localhost:4317' : 'http://localhost:4318/v1/metrics';
  return new UsageError(
    `--endpoint: missing: expected the OTLP endpoint, such as --endpoint=${example}, or OTEL_EXPORTER_OTLP_ENDPOINT`,
  );
}
