import { catchError, defer, from, map, type Observable, of, shareReplay, switchMap } from 'rxjs';
import type { Answer } from './answer.js';
import { areSameCredentials, type Credentials } from './credentials.js';
import type { OtlpProtocol } from './endpoint.js';
import { renewedWhenIdle, retriedAfterReset } from './fresh-connections.js';
import { withPresentableAnswers } from './presentable.js';
import { redactor } from './redactor.js';
import { renewedOnChange } from './renewed-on-change.js';
import type { Transport, TransportOptions, TransportSettings } from './transport.js';

/**
 * The transport of a protocol as the sink uses it. The code of the protocol is loaded at the first request.
 *
 * @param credentials asked before each request
 */
export function transportFor(
  protocol: OtlpProtocol,
  settings: TransportSettings,
  credentials: () => Credentials,
): Transport {
  return lazy(async () => {
    const construct = await load(protocol);
    return renewedOnChange(credentials, areSameCredentials, (current) => {
      const options = { ...settings, ...current };
      return withPresentableAnswers(
        retriedAfterReset(renewedWhenIdle(() => new construct(options))),
        redactor(current.headers, settings.endpoint),
        protocol,
      );
    });
  });
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
