import * as http2 from 'node:http2';
import { Observable } from 'rxjs';
import { rootCertificates } from './root-certificates.js';
import type { TransportOptions } from './transport.js';

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
  { endpoint, headers, caCertificate, clientCertificate, clientKey }: TransportOptions,
  path: string,
  contentType: string,
): Observable<string> {
  return new Observable((subscriber) => {
    let status = '';
    let body = Buffer.alloc(0);
    const ca = rootCertificates(caCertificate);
    const session = http2.connect(endpoint.origin, { ca, cert: clientCertificate, key: clientKey });
    const end = (): void => {
      const what = status === '' ? `an answer of the type ${contentType}` : `HTTP ${status}, ${contentType}`;
      const said = body.toString('utf8').trim();
      subscriber.next(`${what}, which is not gRPC${said === '' ? '' : `: ${said}`}`);
      subscriber.complete();
    };
    const timer = setTimeout(end, MAX_MILLIS);
    const request = session.request({
      ...headers,
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    request.on('response', (response) => {
      status = String(response[':status'] ?? '');
    });
    request.on('data', (chunk: Buffer) => {
      body = Buffer.concat([body, chunk]).subarray(0, MAX_BYTES);
      if (body.length === MAX_BYTES) {
        end();
      }
    });
    request.on('end', end);
    request.on('error', end);
    session.on('error', end);
    request.end();
    return () => {
      clearTimeout(timer);
      session.destroy();
    };
  });
}
