import * as http2 from 'node:http2';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { Observable, switchMap } from 'rxjs';
import { BodyBeginning } from './body-beginning.js';
import { hostOf, portOf } from './proxy.js';
import { rootCertificates } from './root-certificates.js';
import type { TransportOptions } from './transport.js';
import { openTunnel } from './tunnel.js';

/** The most of an answer that is read, bytes. */
const MAX_BYTES = 1_024;

/** How long it may take, ms. */
const MAX_MILLIS = 1_000;

/**
 * Describes what answers at a gRPC endpoint where a web server does, because the gRPC library shows neither the status
 * nor the body of such an answer: asks once more, without data, and reads the beginning.
 *
 * Emits one text: the HTTP status, the content type and the first words; less where they cannot be had.
 *
 * @param path the path of the gRPC method
 * @param contentType that of the answer that was seen
 */
export function describeForeignAnswer(
  options: TransportOptions,
  path: string,
  contentType: string,
): Observable<string> {
  return new Observable((subscriber) => {
    let status = '';
    const body = new BodyBeginning(MAX_BYTES);
    const end = (): void => {
      const what = status === '' ? `an answer of the type ${contentType}` : `HTTP ${status}, ${contentType}`;
      const said = body.bytes.toString('utf8').trim();
      subscriber.next(`${what}, which is not gRPC${said === '' ? '' : `: ${said}`}`);
      subscriber.complete();
    };
    const timer = setTimeout(end, MAX_MILLIS);
    const ask = (session: http2.ClientHttp2Session): void => {
      const request = session.request({
        ...options.headers,
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      request.on('response', (response) => {
        status = String(response[':status'] ?? '');
      });
      request.on('data', (chunk: Buffer) => {
        body.add(chunk);
        if (body.isFull) {
          end();
        }
      });
      request.on('end', end);
      request.on('error', end);
      session.on('error', end);
      request.end();
    };
    const session = sessionTo(options).subscribe({ next: ask, error: end });
    return () => {
      clearTimeout(timer);
      session.unsubscribe();
    };
  });
}

/** A session to the endpoint, through its proxy if it has one, until nobody wants it any more. */
function sessionTo(options: TransportOptions): Observable<http2.ClientHttp2Session> {
  const { endpoint, proxy, clientCertificate: cert, clientKey: key } = options;
  const secure = { ca: rootCertificates(options.caCertificate), cert, key };
  const connect = (settings: http2.SecureClientSessionOptions): Observable<http2.ClientHttp2Session> =>
    new Observable((subscriber) => {
      const session = http2.connect(endpoint.origin, { ...secure, ...settings });
      subscriber.next(session);
      return () => session.destroy();
    });
  return proxy === undefined
    ? connect({})
    : tunnelTo(proxy, endpoint).pipe(
        switchMap((socket) =>
          connect({
            createConnection: () =>
              endpoint.protocol === 'https:'
                ? tls.connect({ ...secure, socket, servername: hostOf(endpoint), ALPNProtocols: ['h2'] })
                : socket,
          }),
        ),
      );
}

function tunnelTo(proxy: URL, endpoint: URL): Observable<net.Socket> {
  return new Observable((subscriber) => {
    const socket = net.connect(portOf(proxy), hostOf(proxy));
    openTunnel(socket, proxy, endpoint).then(
      () => subscriber.next(socket),
      (error) => subscriber.error(error),
    );
    return () => socket.destroy();
  });
}
