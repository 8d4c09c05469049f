import { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import type { OtlpProtocol } from '../../index.js';
import type { Credentials } from '../../sinks/otlp/transport/credentials.js';
import { hostOf } from '../../sinks/otlp/transport/proxy.js';
import { remedyFor } from '../../sinks/otlp/transport/remedies.js';
import { rootCertificates } from '../../sinks/otlp/transport/root-certificates.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { within } from './within.js';

/** How long a handshake may take, ms. */
const MAX_MILLIS = 1_500;

const LOOK_AT_ENDPOINT = 'look at host, port and scheme in --endpoint, and at the log of the backend';

/** A certificate that ends sooner is worth a word, ms. */
const SOON_MILLIS = 14 * 24 * 3_600_000;

/**
 * Speaks TLS over a connection, and tells whose certificate the other side shows and until when it is good. Nothing is sent
 * over it.
 *
 * @param socket leads to the endpoint
 */
export async function tlsFindings(
  socket: Socket,
  endpoint: URL,
  protocol: OtlpProtocol,
  credentials: Credentials,
): Promise<readonly Finding[]> {
  const server = await within(MAX_MILLIS, handshake(socket, endpoint, protocol, credentials), () =>
    fail(
      'tls',
      `no answer to the handshake within ${MAX_MILLIS / 1_000} s`,
      'does the port speak TLS? Look at --endpoint',
    ),
  );
  const { clientCertificate } = credentials;
  return clientCertificate === undefined ? [server] : [server, ownCertificate(clientCertificate)];
}

function handshake(
  socket: Socket,
  endpoint: URL,
  protocol: OtlpProtocol,
  { caCertificate, clientCertificate, clientKey }: Credentials,
): Promise<Finding> {
  const host = hostOf(endpoint);
  return new Promise((resolve) => {
    const secured = connect({
      socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ca: rootCertificates(caCertificate),
      cert: clientCertificate,
      key: clientKey,
      ALPNProtocols: [protocol === 'grpc' ? 'h2' : 'http/1.1'],
      // To be able to say whose the certificate is also where it is not to be trusted.
      rejectUnauthorized: false,
    });
    secured.once('secureConnect', () => resolve(shown(secured, protocol)));
    secured.on('error', ({ message }) =>
      resolve(fail('tls', message, remedyFor(message, protocol) ?? LOOK_AT_ENDPOINT)),
    );
    secured.once('close', () =>
      resolve(
        fail('tls', 'the connection was closed in the handshake', remedyFor('socket hang up', protocol)),
      ),
    );
  });
}

function shown(socket: TLSSocket, protocol: OtlpProtocol): Finding {
  const certificate = socket.getPeerCertificate(true);
  const whose = describe(certificate);
  if (!socket.authorized) {
    const problem = problemOf(socket.authorizationError);
    return fail('tls', `${problem}: ${whose}`, remedyFor(problem, protocol) ?? LOOK_AT_ENDPOINT);
  }
  if (protocol === 'grpc' && socket.alpnProtocol !== 'h2') {
    return fail(
      'tls',
      `the port does not offer HTTP/2: ${whose}`,
      remedyFor('no application protocol', 'grpc'),
    );
  }
  return endsSoon(certificate.valid_to)
    ? warn('tls', whose, 'the certificate ends soon: is it renewed in time?')
    : ok('tls', whose);
}

function describe({
  subject,
  issuer,
  valid_to: until,
  subjectaltname: names,
}: DetailedPeerCertificate): string {
  const name = subject?.CN ?? names ?? 'a certificate without a name';
  return `${name}, by ${issuer?.CN ?? issuer?.O ?? 'an unnamed authority'}, until ${day(until)}`;
}

function ownCertificate(pem: string): Finding {
  const { subject, validTo } = new X509Certificate(pem);
  const whose = `${subject.replaceAll('\n', ', ')}, until ${day(validTo)}`;
  if (Date.parse(validTo) < Date.now()) {
    return fail('client-certificate', `has expired: ${whose}`, 'renew it: a file that changes is read again');
  }
  return endsSoon(validTo)
    ? warn('client-certificate', whose, 'it ends soon: is it renewed in time?')
    : ok('client-certificate', whose);
}

const endsSoon = (until: string): boolean => Date.parse(until) - Date.now() < SOON_MILLIS;

function day(time: string): string {
  const millis = Date.parse(time);
  return Number.isNaN(millis) ? time : new Date(millis).toISOString().slice(0, 10);
}

/** Node tells codes here, and words elsewhere. */
const WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_NOT_YET_VALID: 'certificate is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate in certificate chain',
  UNABLE_TO_GET_ISSUER_CERT: 'unable to get issuer certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unable to get local issuer certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to verify the first certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: "the host does not match the certificate's altnames",
};

function problemOf(error: Error | string | undefined): string {
  const code =
    typeof error === 'string' ? error : ((error as NodeJS.ErrnoException)?.code ?? error?.message ?? '');
  return WORDS[code] ?? code;
}
