import { catchError, defer, from, map, type Observable, of, shareReplay, switchMap } from 'rxjs';
import type { Answer } from './answer.js';
import type { OtlpProtocol } from './endpoint.js';
import { renewedWhenIdle, retriedAfterReset } from './fresh-connections.js';
import { withPresentableAnswers } from './presentable.js';
import { redactor } from './redactor.js';
import type { Transport, TransportOptions } from './transport.js';

/** The transport of a protocol as the sink uses it. The code of the protocol is loaded at the first request. */
export function transportFor(protocol: OtlpProtocol, options: TransportOptions): Transport {
  const redact = redactor(options.headers, options.endpoint);
  return withPresentableAnswers(
    lazy(async () => {
      const construct = await load(protocol);
      return retriedAfterReset(renewedWhenIdle(() => new construct(options)));
    }),
    redact,
    protocol,
  );
}

async function load(protocol: OtlpProtocol): Promise<new (options: TransportOptions) => Transport> {
  return protocol === 'grpc'
    ? (await import('./grpc-transport.js')).GrpcTransport
    : (await import('./http-transport.js')).HttpTransport;
}

function lazy(loadTransport: () => Promise<Transport>): Transport {
  let loaded: Transport | undefined;
  let isClosed = false;
  const transport$: Observable<Transport> = defer(() => from(loadTransport())).pipe(
    map((transport) => {
      loaded = transport;
      return transport;
    }),
    shareReplay(1),
  );
  return {
    send: (request) =>
      transport$.pipe(
        switchMap((transport) => (isClosed ? [] : transport.send(request))),
        catchError((error: Error) => of<Answer>({ kind: 'failed', error })),
      ),
    close: () => {
      isClosed = true;
      loaded?.close();
    },
  };
}
