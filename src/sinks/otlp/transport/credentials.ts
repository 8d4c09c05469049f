import { isDeepStrictEqual } from 'node:util';
import { requireTexts } from '../../../options.js';
import { headerProblem } from './headers.js';

/** A value, or a function that gives the value of the moment. It is called before each export. */
export type Renewable<T> = T | (() => T);

/** What a sink shows to a receiver, and by what it knows the receiver. Each may change while the sink runs. */
export interface CredentialOptions {
  /** Sent with every request. Their values appear in no event. Default: none. */
  readonly headers?: Renewable<Readonly<Record<string, string>>> | undefined;
  /** PEM of certificate authorities to trust on top of the public roots. Used with `https`. Default: none. */
  readonly caCertificate?: Renewable<string> | undefined;
  /** PEM of the certificate that this client shows, with its chain. Needs `clientKey`. Default: none. */
  readonly clientCertificate?: Renewable<string> | undefined;
  /** PEM of the private key of `clientCertificate`, not encrypted. Default: none. */
  readonly clientKey?: Renewable<string> | undefined;
}

/** The {@link CredentialOptions} of one moment. Secrets: they must not appear in errors. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly caCertificate: string | undefined;
  readonly clientCertificate: string | undefined;
  readonly clientKey: string | undefined;
}

/**
 * The credentials of this moment.
 *
 * @throws {RangeError} for headers that cannot be sent and for PEMs that cannot be used
 */
export function currentCredentials(options: CredentialOptions): Credentials {
  const credentials = {
    headers: current(options.headers) ?? {},
    caCertificate: current(options.caCertificate),
    clientCertificate: current(options.clientCertificate),
    clientKey: current(options.clientKey),
  };
  requireTexts('headers', credentials.headers);
  for (const [name, value] of Object.entries(credentials.headers)) {
    const problem = headerProblem(name, value);
    if (problem !== undefined) {
      throw new RangeError(`headers: ${problem}`);
    }
  }
  for (const name of ['caCertificate', 'clientCertificate', 'clientKey'] as const) {
    const pem: unknown = credentials[name];
    if (pem !== undefined && (typeof pem !== 'string' || pem === '')) {
      throw new RangeError(
        `${name}: expected a PEM as text, got ${pem === '' ? 'an empty one' : `a value of the type ${typeof pem}`}`,
      );
    }
  }
  return credentials;
}

function current<T>(value: Renewable<T> | undefined): T | undefined {
  return typeof value === 'function' ? (value as () => T)() : value;
}

/** Whether two moments have the same credentials: connections made with the one serve the other. */
export const areSameCredentials = (a: Credentials, b: Credentials): boolean => isDeepStrictEqual(a, b);
