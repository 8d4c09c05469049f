import * as http from 'node:http';
import * as https from 'node:https';
import { defer, from, map, type Observable, shareReplay } from 'rxjs';
import { MAX_IDLE_MILLIS } from './fresh-connections.js';
import { rootCertificates } from './root-certificates.js';
import type { TransportOptions } from './transport.js';

/** The connections of a transport. */
export interface Connections {
  /** Emits the agent that has them. */
  readonly agent$: Observable<http.Agent>;
  /** Closes them all, also one that still waits for a proxy. No further one is opened. */
  close(): void;
}

/**
 * Connections to an endpoint, of which one at a time is used. None is opened before the first request.
 */
export function openConnections(options: ConnectionOptions): Connections {
  let opened: http.Agent | undefined;
  let isClosed = false;
  const close = (): void => {
    isClosed = true;
    opened?.destroy();
    if (opened !== undefined) {
      (opened as unknown as { createSocket: CreateSocket }).createSocket = refuse;
    }
  };
  const agent$ = defer(() => from(createAgent(options))).pipe(
    map((agent) => {
      opened = agent;
      if (isClosed) {
        close();
      }
      return agent;
    }),
    shareReplay(1),
  );
  return { agent$, close };
}

/** How an agent makes a connection. */
type CreateSocket = (request: unknown, options: unknown, callback: (error: Error) => void) => void;

const refuse: CreateSocket = (_request, _options, callback) =>
  callback(new Error('the connections to the receiver are closed'));

/** What connections are made with. */
export type ConnectionOptions = Pick<
  TransportOptions,
  'endpoint' | 'proxy' | 'caCertificate' | 'clientCertificate' | 'clientKey'
>;

/** The agent of an endpoint: with its TLS, through its proxy. What a proxy needs is loaded only where there is one. */
export async function createAgent({
  endpoint,
  proxy,
  caCertificate,
  clientCertificate,
  clientKey,
}: ConnectionOptions): Promise<http.Agent> {
  const settings = { keepAlive: true, maxSockets: 1, timeout: MAX_IDLE_MILLIS };
  if (endpoint.protocol === 'http:') {
    return proxy === undefined
      ? new http.Agent(settings)
      : new (await import('http-proxy-agent')).HttpProxyAgent(proxy, settings);
  }
  const tls = { ca: rootCertificates(caCertificate), cert: clientCertificate, key: clientKey };
  return proxy === undefined
    ? new https.Agent({ ...settings, ...tls })
    : new (await import('./tunnel-agent.js')).TunnelAgent(endpoint, proxy, { ...settings, ...tls });
}
