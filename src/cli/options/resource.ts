import type { Log } from '../log.js';
import { parseEnvironmentKeyValues, parseKeyValues } from './key-values.js';
import type { Environment, OptionReader } from './option-reader.js';

/**
 * Reads resource attributes. A variable that is broken is left out as a whole and warned of, as the specification of the
 * resource SDK wants it.
 */
export function readResource(
  options: OptionReader,
  environment: Environment,
  log: Log,
): Record<string, string> {
  const { OTEL_SERVICE_NAME: serviceName, HOSTNAME: host, COMPUTERNAME: computer } = environment;
  return {
    ...(host || computer ? { 'service.instance.id': host || computer || '' } : {}),
    ...fromEnvironment(environment, log),
    ...(serviceName ? { 'service.name': serviceName } : {}),
    ...parseKeyValues('resource', options.all('resource')),
  };
}

/** Whether an attribute of the resource was given, by a flag or a variable. */
export function isResourceGiven(attribute: string, options: OptionReader, environment: Environment): boolean {
  return (
    attribute in
    { ...fromEnvironment(environment, () => {}), ...parseKeyValues('resource', options.all('resource')) }
  );
}

function fromEnvironment(environment: Environment, log: Log): Record<string, string> {
  try {
    return parseEnvironmentKeyValues('OTEL_RESOURCE_ATTRIBUTES', environment.OTEL_RESOURCE_ATTRIBUTES);
  } catch (error) {
    log('warn', 'msb_metrics', `${(error as Error).message}; all of it is left out`);
    return {};
  }
}
