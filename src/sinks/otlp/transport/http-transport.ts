import * as http from 'node:http';
import * as https from 'node:https';
import { gzip } from 'node:zlib';
import { bindNodeCallback, concatMap, Observable, of } from 'rxjs';
import { type Answer, readable } from './answer.js';
import { BodyBeginning } from './body-beginning.js';
import { httpAnswer } from './http-answer.js';
import { type Connections, openConnections } from './http-connections.js';
import type { Transport, TransportOptions } from './transport.js';

/** The most bytes of a response's body that are read. An answer to an export is far smaller. */
const MAX_BODY_BYTES = 64 * 1024;

/** The most informational answers (HTTP 1xx) before the real one. */
const MAX_INFORMATIONAL = 32;

/** How long to wait for the body after the head, ms. The status line already decides. */
const BODY_MILLIS = 1_000;

/** What the system says of a connection that the other side, or something between, has given up. */
const RESET_CODES = new Set(['ECONNRESET', 'EPIPE']);

/** OTLP over HTTP, with bodies in protobuf. The endpoint is used exactly as given; redirects are not followed. */
export class HttpTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #request: typeof http.request;
  #connections: Connections | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#request = options.endpoint.protocol === 'https:' ? https.request : http.request;
  }

  send(request: Uint8Array): Observable<Answer> {
    const body$ = this.#options.compression === 'gzip' ? compressed(request) : of(request);
    return body$.pipe(
      concatMap((body) => {
        this.#connections ??= openConnections(this.#options);
        return this.#connections.agent$.pipe(concatMap((agent) => this.#exchange(body, agent)));
      }),
    );
  }

  #exchange(request: Uint8Array, agent: http.Agent): Observable<Answer> {
    return new Observable((subscriber) => {
      let bodyTimer: NodeJS.Timeout | undefined;
      let isAnswered = false;
      const answer = (value: Answer): void => {
        isAnswered = true;
        subscriber.next(value);
        subscriber.complete();
      };
      const outgoing = this.#request(this.#options.endpoint, {
        method: 'POST',
        agent,
        headers: {
          'user-agent': this.#options.userAgent,
          ...this.#options.headers,
          'content-type': 'application/x-protobuf',
          ...(this.#options.compression === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
          'content-length': request.length,
        },
      });
      const onError = (error: NodeJS.ErrnoException): void =>
        answer({
          kind: 'failed',
          error: connectionError(error),
          wasReset: outgoing.reusedSocket && RESET_CODES.has(error.code ?? ''),
        });
      outgoing.on('error', onError);
      let informational = 0;
      outgoing.on('information', () => {
        if (++informational > MAX_INFORMATIONAL) {
          answer({ kind: 'failed', error: new Error('informational answers (HTTP 1xx) without end') });
          outgoing.destroy();
        }
      });
      outgoing.on('upgrade', (_, socket) => {
        answer({ kind: 'failed', error: new Error('HTTP 101 Switching Protocols, which nobody asked for') });
        socket.destroy();
      });
      outgoing.on('response', (response) => {
        const body = new BodyBeginning(MAX_BODY_BYTES);
        const status = response.statusCode ?? 0;
        const end = (): void =>
          answer(
            readable(() => httpAnswer({ status, headers: response.headers, body: body.bytes }, Date.now())),
          );
        response.on('data', (chunk: Buffer) => {
          body.add(chunk);
          if (body.isFull) {
            end();
            outgoing.destroy();
          }
        });
        // The status line already decides: a body that breaks off, or hangs, changes nothing.
        bodyTimer = setTimeout(end, BODY_MILLIS);
        outgoing.off('error', onError);
        outgoing.on('error', end);
        response.on('end', end);
        response.on('error', end);
      });
      outgoing.end(request);
      return () => {
        clearTimeout(bodyTimer);
        // A no-op once the exchange is over; before, it takes the connection down.
        outgoing.destroy();
        if (!isAnswered) {
          this.close();
        }
      };
    });
  }

  close(): void {
    this.#connections?.close();
    this.#connections = undefined;
  }
}

const compressed = (request: Uint8Array): Observable<Uint8Array> =>
  bindNodeCallback((callback: (error: Error | null, bytes: Buffer) => void) => gzip(request, callback))();

/** Node's message for a refusal at several addresses is empty: the parts have it. */
function connectionError(error: Error & { errors?: readonly Error[] }): Error {
  const messages = error.errors?.map((each) => each.message) ?? [error.message];
  return new Error([...new Set(messages)].join('; ') || String(error));
}
