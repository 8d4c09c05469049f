import {
  type CredentialOptions,
  certificateProblem,
  clientKeyProblem,
  type OtlpProtocol,
} from '../../index.js';
import type { Log } from '../log.js';
import { quotedPath, UsageError } from '../usage-error.js';
import { logFileChanges } from './file-changes.js';
import type { OptionReader, Setting } from './option-reader.js';
import { othersMayReadWarning } from './others-may-read.js';
import { protocolOf } from './protocol.js';
import { type NamedFile, WatchedFiles } from './watched-files.js';

/**
 * Reads the files of TLS: the authorities to trust, and the client's certificate and key. An endpoint without TLS leaves
 * variables aside, which may be meant for other programs, and refuses flags.
 *
 * @throws {UsageError} for a flag that does not go with the endpoint, and for files that cannot be used
 */
export function readTlsFiles(
  options: OptionReader,
  {
    endpoint,
    protocol,
    extraCertificates,
    log,
  }: {
    readonly endpoint: string;
    readonly protocol: OtlpProtocol;
    /** NODE_EXTRA_CA_CERTS. Node itself adds them to its roots, but not to roots that are given. */
    readonly extraCertificates: string | undefined;
    readonly log: Log;
  },
): CredentialOptions {
  const isTls = endpoint.startsWith('https://');
  const ca = options.setting('ca-cert');
  if (ca?.source === '--ca-cert' && protocol === 'http') {
    throw new UsageError(
      `--ca-cert: got ${quotedPath(ca.text)} with ${protocolOf(options)}: the flag goes with grpc only; for http set OTEL_EXPORTER_OTLP_CERTIFICATE`,
    );
  }
  const certificate = options.setting('client-cert');
  const key = options.setting('client-key');
  for (const setting of [ca, certificate, key]) {
    if (setting?.source.startsWith('--') && !isTls) {
      throw new UsageError(
        `${setting.source}: got ${quotedPath(setting.text)} with an endpoint of http://, which has no TLS: expected an endpoint of https://`,
      );
    }
  }
  return isTls ? { ...trust(ca, extraCertificates, log), ...identity(certificate, key, log) } : {};
}

function trust(ca: Setting | undefined, extra: string | undefined, log: Log): CredentialOptions {
  if (ca === undefined) {
    return {};
  }
  const file = pemFile(ca);
  const watched = new WatchedFiles<string, string>(
    { ca: file, ...(extra ? { extra: pemFile({ text: extra, source: 'NODE_EXTRA_CA_CERTS' }) } : {}) },
    ({ ca: named, ...others }) => {
      requireNone(file, certificateProblem(named));
      return [named, ...Object.values(others)].join('\n');
    },
    logFileChanges('certificate authorities', log),
  );
  return { caCertificate: () => watched.current() };
}

function identity(certificate: Setting | undefined, key: Setting | undefined, log: Log): CredentialOptions {
  if (certificate === undefined && key === undefined) {
    return {};
  }
  if (certificate === undefined || key === undefined) {
    const [missing, given] = certificate === undefined ? ['cert', key] : ['key', certificate];
    throw new UsageError(
      `--client-${missing}: missing: ${given?.source} needs it: expected the PEM file of both`,
    );
  }
  const files = { certificate: pemFile(certificate), key: pemFile(key) };
  const warn = othersMayReadWarning(key.source, key.text, log);
  const watched = new WatchedFiles(
    files,
    (texts) => {
      requireNone(files.certificate, certificateProblem(texts.certificate));
      requireNone(files.key, clientKeyProblem(texts.key, texts.certificate));
      warn();
      return texts;
    },
    logFileChanges('client certificate and key', log),
  );
  return {
    clientCertificate: () => watched.current().certificate,
    // Asked for after the certificate, of which it must be the key.
    clientKey: () => watched.latest.key,
  };
}

const pemFile = ({ text, source }: Pick<Setting, 'text' | 'source'>): NamedFile => ({
  path: text,
  source,
  kind: 'a PEM file',
});

function requireNone({ source, path }: NamedFile, problem: string | undefined): void {
  if (problem !== undefined) {
    throw new UsageError(`${source}: ${quotedPath(path)} ${problem}`);
  }
}
