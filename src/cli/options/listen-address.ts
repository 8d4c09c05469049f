import { isIP } from 'node:net';
import { quoted, UsageError } from '../usage-error.js';
import type { Environment, OptionReader, Setting } from './option-reader.js';

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** The flag, or the variables, that say so. */
  readonly source: string;
}

/** Reads `--health-listen`; `undefined` where it is not given. */
export function readHealthAddress(options: OptionReader): ListenAddress | undefined {
  const setting = options.setting('health-listen');
  return setting && addressOf(setting, '127.0.0.1:9465');
}

/** Reads `--listen`; where it is not given, the host and the port from their variables. */
export function readListenAddress(options: OptionReader, environment: Environment): ListenAddress {
  const address = addressOf(options.setting('listen') ?? { text: '', source: '--listen' }, '127.0.0.1:9464');
  if (options.all('listen').length > 0) {
    return address;
  }
  const { OTEL_EXPORTER_PROMETHEUS_HOST: host, OTEL_EXPORTER_PROMETHEUS_PORT: port } = environment;
  if (port && portOf(port) === undefined) {
    throw new UsageError(`OTEL_EXPORTER_PROMETHEUS_PORT: got ${quoted(port)}: expected a port, such as 9464`);
  }
  const named = { OTEL_EXPORTER_PROMETHEUS_HOST: host, OTEL_EXPORTER_PROMETHEUS_PORT: port };
  const given = Object.entries(named).flatMap(([name, value]) => (value ? [name] : []));
  return {
    host: host ? host.replace(/^\[(.*)\]$/u, '$1') : address.host,
    port: port ? Number(port) : address.port,
    source: given.join(', ') || address.source,
  };
}

function addressOf({ text, source }: Pick<Setting, 'text' | 'source'>, example: string): ListenAddress {
  const address = parsed(text);
  if (address === undefined) {
    throw new UsageError(`${source}: got ${quoted(text)}: expected HOST:PORT, such as ${example}`);
  }
  return { ...address, source };
}

/** Without a host it is every address of this host, as in Go. */
function parsed(text: string): Omit<ListenAddress, 'source'> | undefined {
  const [, bracketed, plain, portText = ''] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d+)$/u.exec(text) ?? [];
  const port = portOf(portText);
  if (port === undefined || (bracketed !== undefined && isIP(bracketed) !== 6)) {
    return undefined;
  }
  return { host: bracketed ?? (plain || '::'), port };
}

function portOf(text: string): number | undefined {
  const port = Number(text);
  return /^\d+$/u.test(text) && port <= 65_535 ? port : undefined;
}
