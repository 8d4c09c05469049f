import { catchError, defer, from, map, type Observable, of, shareReplay, switchMap } from 'rxjs';
import { type Answer, presentable } from './answer.js';
import type { OtlpProtocol } from './endpoint.js';
import { redactor } from './headers.js';
import type { Transport, TransportOptions } from './transport.js';

/** A transport that is loaded when it is first used, and that keeps secrets out of its answers. */
export class LazyTransport implements Transport {
  readonly #transport$: Observable<Transport>;
  readonly #redact: (text: string) => string;
  #loaded: Transport | undefined;
  #closed = false;

  constructor(protocol: OtlpProtocol, options: TransportOptions) {
    this.#redact = redactor(options.headers, options.endpoint);
    this.#transport$ = defer(() => from(load(protocol))).pipe(
      map((construct) => {
        this.#loaded = new construct(options);
        return this.#loaded;
      }),
      shareReplay(1),
    );
  }

  send(request: Uint8Array): Observable<Answer> {
    return this.#transport$.pipe(
      switchMap((transport) => (this.#closed ? [] : transport.send(request))),
      catchError((error: Error) => of<Answer>({ kind: 'failed', error })),
      map((answer) => presentable(answer, this.#redact)),
    );
  }

  close(): void {
    this.#closed = true;
    this.#loaded?.close();
  }
}

async function load(protocol: OtlpProtocol): Promise<new (options: TransportOptions) => Transport> {
  return protocol === 'grpc'
    ? (await import('./grpc-transport.js')).GrpcTransport
    : (await import('./http-transport.js')).HttpTransport;
}
