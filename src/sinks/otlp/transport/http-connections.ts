import * as http from 'node:http';
import * as https from 'node:https';
import { defer, from, map, type Observable, shareReplay } from 'rxjs';
import { MAX_IDLE_MILLIS } from './fresh-connections.js';
import type { TransportOptions } from './transport.js';

/** The connections of a transport. */
export interface Connections {
  /** Emits the agent that has them. */
  readonly agent$: Observable<http.Agent>;
  /** Closes them all, also one that still waits for a proxy. */
  close(): void;
}

/**
 * Connections to an endpoint, of which one at a time is used. None is opened before the first request.
 */
export function openConnections(options: Pick<TransportOptions, 'endpoint' | 'proxy'>): Connections {
  const aborter = new AbortController();
  let opened: http.Agent | undefined;
  const agent$ = defer(() => from(createAgent(options, aborter.signal))).pipe(
    map((agent) => {
      opened = agent;
      return agent;
    }),
    shareReplay(1),
  );
  return {
    agent$,
    close: () => {
      opened?.destroy();
      aborter.abort();
    },
  };
}

/** The agents of proxies are loaded only where there is one. They know a connection only once the proxy has answered. */
async function createAgent(
  { endpoint, proxy }: Pick<TransportOptions, 'endpoint' | 'proxy'>,
  signal: AbortSignal,
): Promise<http.Agent> {
  const isTls = endpoint.protocol === 'https:';
  const settings = { keepAlive: true, maxSockets: 1, timeout: MAX_IDLE_MILLIS };
  if (proxy === undefined) {
    return new (isTls ? https : http).Agent(settings);
  }
  return isTls
    ? new (await import('https-proxy-agent')).HttpsProxyAgent(proxy, { ...settings, signal })
    : new (await import('http-proxy-agent')).HttpProxyAgent(proxy, { ...settings, signal });
}
