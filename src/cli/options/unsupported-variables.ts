import { ALL_FLAGS, VARIABLES } from '../flags/table.js';
import type { Log } from '../log.js';
import type { Environment } from './option-reader.js';

/**
 * Warns once of all variables of OpenTelemetry's metrics that are set and have no effect here. Those of other signals are
 * meant for other programs.
 */
export function warnOfUnsupportedVariables(environment: Environment, log: Log): void {
  const supported = new Set([
    ...ALL_FLAGS.flatMap(({ variables = [] }) => variables.map(({ name }) => name)),
    ...VARIABLES.filter(({ commands }) => commands.includes('otel')).map(({ name }) => name),
  ]);
  const unsupported = Object.keys(environment)
    .filter((name) => OF_METRICS.test(name) && environment[name] && !supported.has(name))
    .filter((name) => !(name === 'OTEL_METRICS_EXPORTER' && environment[name] === 'otlp'))
    .sort();
  if (unsupported.length > 0) {
    log(
      'warn',
      'msb_metrics',
      'these variables are set and have no effect here: see msb-metrics otel --help',
      {
        variables: unsupported.join(', '),
      },
    );
  }
}

/** What bears on metrics and their export, and the variables that other programs take proxies and roots from. */
const OF_METRICS =
  /^(OTEL_EXPORTER_OTLP_(?!TRACES_|LOGS_|PROFILES_)|OTEL_EXPORTER_PROMETHEUS_|OTEL_METRICS?_|OTEL_SDK_|OTEL_LOG_LEVEL$|OTEL_(EXPERIMENTAL_)?CONFIG_FILE$|GRPC_DEFAULT_SSL_ROOTS_FILE_PATH$|((no_)?grpc|all)_proxy$)/iu;
