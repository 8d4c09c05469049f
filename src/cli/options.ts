import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import {
  type CollectionsOptions,
  type DeliveryOptions,
  headerProblem,
  MAX_BACKOFF_BASE_MILLIS,
  MAX_DELAY_MILLIS,
  type OtlpProtocol,
  type OtlpSinkOptions,
  parseEndpoint,
  userIdOf,
} from '../index.js';
import { parseDuration } from './durations.js';
import { COMMANDS, type CommandLine } from './flags.js';
import { parseEnvironmentKeyValues, parseKeyValues } from './key-values.js';
import { isLogLevel, LOG_LEVELS, type LogLevel } from './log-filter.js';
import { quoted, UsageError } from './usage-error.js';

/** The environment variables that matter. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How the program logs. */
export interface LogSettings {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
}

/** The values of a command line, typed and checked. */
export class OptionReader {
  readonly #line: CommandLine;

  constructor(line: CommandLine) {
    this.#line = line;
  }

  /** Whether a switch was given. */
  switch(flag: string): boolean {
    return this.#line.values.has(flag);
  }

  /** A flag's value, or its default. */
  text(flag: string): string | undefined {
    const known = Object.values(COMMANDS)
      .flat()
      .find(({ name }) => name === flag);
    const flags = this.#line.command === undefined ? [] : COMMANDS[this.#line.command];
    return this.all(flag)[0] ?? (flags.find(({ name }) => name === flag) ?? known)?.default;
  }

  /** All values of a repeatable flag. */
  all(flag: string): readonly string[] {
    return this.#line.values.get(flag) ?? [];
  }

  /** One of a few words. */
  word<Word extends string>(flag: string, words: readonly Word[]): Word {
    const value = this.text(flag) ?? '';
    const word = words.find((each) => each === value);
    if (word === undefined) {
      throw new UsageError(`--${flag}: got ${beginningOf(value)}: expected ${list(words)}`);
    }
    return word;
  }

  /** An integer of 1 or more. */
  count(flag: string): number {
    const value = this.text(flag) ?? '';
    const count = /^\d+$/u.test(value) ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new UsageError(`--${flag}: got ${quoted(value)}: expected an integer of 1 or more, such as 60`);
    }
    return count;
  }

  /** A duration in ms, from `least` to `most`. */
  duration(flag: string, least: number, most: number): number {
    const value = this.text(flag) ?? '';
    const millis = parseDuration(value);
    if (millis === undefined) {
      throw new UsageError(
        `--${flag}: got ${quoted(value)}: expected a duration with its unit, such as 500ms, 1s, 2m or 1m30s`,
      );
    }
    if (millis < least || millis > most) {
      throw new UsageError(
        `--${flag}: got ${quoted(value)}: expected ${least} ms or more${most < Number.MAX_SAFE_INTEGER ? `, and ${hours(most)} at most` : ''}`,
      );
    }
    return millis;
  }
}

/** A value that is none of a few words may be a secret, put there by mistake. */
function beginningOf(value: string): string {
  return quoted(value.length > 12 ? `${value.slice(0, 4)}...` : value);
}

function list(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function hours(millis: number): string {
  return `${Math.floor(millis / 3_600_000)}h`;
}

/** Reads the flags of the log. */
export function readLogSettings(options: OptionReader): LogSettings {
  const level = options.text('log-level') ?? '';
  if (!isLogLevel(level)) {
    throw new UsageError(`--log-level: got ${quoted(level)}: expected ${list(LOG_LEVELS)}`);
  }
  return { level, format: options.word('log-format', ['text', 'json']) };
}

/** Reads the flags of collecting. */
export function readCollectOptions(options: OptionReader, environment: Environment): CollectionsOptions {
  return {
    msbHome: options.text('msb-home') ?? (environment.MSB_HOME || defaultHome()),
    registryOwnerUid: readRegistryOwner(options.text('registry-owner')),
    collectIntervalMillis: options.duration('collect-interval', 1, MAX_DELAY_MILLIS),
    maxSampleAgeMillis: options.duration('max-sample-age', 0, Number.MAX_SAFE_INTEGER),
  };
}

/** A user by number, or by the name in /etc/passwd. */
function readRegistryOwner(user: string | undefined): number | undefined {
  if (user === undefined) {
    return undefined;
  }
  const uid = /^\d{1,10}$/u.test(user) ? Number(user) : userIdOf(user);
  if (uid === undefined || uid >= 2 ** 32 - 1) {
    throw new UsageError(
      `--registry-owner: got ${quoted(user)}: expected the name of a user of this host, or a number, such as 1000`,
    );
  }
  return uid;
}

/** Joined without normalising, as msb does: the registry's name is a hash of the very bytes. */
function defaultHome(): string {
  const home = homeOfUser();
  if (home === undefined) {
    throw new UsageError(
      '--msb-home: missing, and this user has no home: expected the MSB_HOME of msb, such as --msb-home=/var/lib/microsandbox',
    );
  }
  return `${home}${home.endsWith('/') ? '' : '/'}.microsandbox`;
}

/** `undefined` for a user without HOME and without an entry in passwd. */
function homeOfUser(): string | undefined {
  try {
    return homedir() || userInfo().homedir;
  } catch {
    return undefined;
  }
}

/** Reads the flags of `stdout`'s delivery. */
export function readStdoutOptions(options: OptionReader): DeliveryOptions {
  return {
    flushIntervalMillis: options.duration('flush-interval', 1, MAX_BACKOFF_BASE_MILLIS),
    maxBuffered: options.count('max-buffered'),
  };
}

/** Reads the flags of `otel`'s delivery, and OpenTelemetry's variables. */
export function readOtlpOptions(options: OptionReader, environment: Environment): OtlpSinkOptions {
  const protocol = options.word<OtlpProtocol>('protocol', ['grpc', 'http']);
  const compression = options.word('compression', ['none', 'gzip']);
  if (protocol === 'http' && compression === 'gzip') {
    throw new UsageError(
      '--compression: got "gzip" with --protocol=http: expected none, gzip goes with grpc only',
    );
  }
  requireExtraCertificates(environment.NODE_EXTRA_CA_CERTS);
  const caFile = options.text('ca-cert');
  if (protocol === 'http' && caFile !== undefined) {
    throw new UsageError(
      `--ca-cert: got ${quoted(caFile)} with --protocol=http: it goes with grpc only; for http set NODE_EXTRA_CA_CERTS`,
    );
  }
  const endpoint = readEndpoint(options.text('endpoint'), protocol);
  if (caFile !== undefined && endpoint.startsWith('http://')) {
    throw new UsageError(
      `--ca-cert: got ${quoted(caFile)} with an endpoint of http://, which has no TLS: expected an endpoint of https://`,
    );
  }
  return {
    protocol,
    compression,
    endpoint,
    ...(caFile === undefined ? {} : { caCertificate: readCertificate(caFile) }),
    headers: readHeaders(options, environment),
    resource: readResource(options, environment),
    emitRunId: options.switch('emit-run-id'),
    emitPid: options.switch('emit-pid'),
    flushIntervalMillis: options.duration('flush-interval', 1, MAX_BACKOFF_BASE_MILLIS),
    maxBuffered: options.count('max-buffered'),
    exportTimeoutMillis: options.duration('export-timeout', 1, MAX_DELAY_MILLIS),
  };
}

function readEndpoint(endpoint: string | undefined, protocol: OtlpProtocol): string {
  if (endpoint === undefined) {
    const example = protocol === 'grpc' ? 'http://localhost:4317' : 'http://localhost:4318/v1/metrics';
    throw new UsageError(`--endpoint: missing: expected the OTLP endpoint, such as --endpoint=${example}`);
  }
  try {
    return parseEndpoint(endpoint, protocol).href;
  } catch (error) {
    throw new UsageError(`--endpoint: ${(error as Error).message}`);
  }
}

function readCertificate(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `--ca-cert: cannot read ${quoted(file)} (${code}): expected a PEM file that this user may read`,
    );
  }
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gsu) ?? [];
  try {
    for (const certificate of certificates) {
      new X509Certificate(certificate);
    }
  } catch {
    throw new UsageError(`--ca-cert: ${quoted(file)} holds a broken certificate: expected PEM certificates`);
  }
  if (certificates.length === 0) {
    throw new UsageError(
      `--ca-cert: ${quoted(file)} holds no PEM certificate: expected -----BEGIN CERTIFICATE----- ... -----END CERTIFICATE-----`,
    );
  }
  return certificates.join('\n');
}

/** Node itself would only print a line about it, which is no JSON. */
function requireExtraCertificates(file: string | undefined): void {
  if (file === undefined || file === '') {
    return;
  }
  try {
    readFileSync(file);
  } catch (error) {
    throw new UsageError(
      `NODE_EXTRA_CA_CERTS: cannot read ${quoted(file)} (${(error as NodeJS.ErrnoException).code}): expected a PEM file that this user may read`,
    );
  }
}

/** Headers by lower-case name: two spellings of a name are one header. */
function readHeaders(options: OptionReader, environment: Environment): Record<string, string> {
  const sources: readonly [string, Record<string, string>][] = [
    ['OTEL_EXPORTER_OTLP_HEADERS', fromEnvironment('OTEL_EXPORTER_OTLP_HEADERS', environment)],
    [
      'OTEL_EXPORTER_OTLP_METRICS_HEADERS',
      fromEnvironment('OTEL_EXPORTER_OTLP_METRICS_HEADERS', environment),
    ],
    ['--header', parseKeyValues('header', options.all('header'))],
  ];
  const headers: Record<string, string> = {};
  for (const [source, entries] of sources) {
    for (const [name, value] of Object.entries(entries)) {
      const problem = headerProblem(name, value);
      if (problem !== undefined) {
        throw new UsageError(`${source}: ${problem}`);
      }
      headers[name.toLowerCase()] = value;
    }
  }
  return headers;
}

function readResource(options: OptionReader, environment: Environment): Record<string, string> {
  const { OTEL_SERVICE_NAME: serviceName, HOSTNAME: host, COMPUTERNAME: computer } = environment;
  return {
    ...(host || computer ? { 'service.instance.id': host || computer || '' } : {}),
    ...fromEnvironment('OTEL_RESOURCE_ATTRIBUTES', environment),
    ...(serviceName ? { 'service.name': serviceName } : {}),
    ...parseKeyValues('resource', options.all('resource')),
  };
}

function fromEnvironment(variable: string, environment: Environment): Record<string, string> {
  return parseEnvironmentKeyValues(variable, environment[variable]);
}
