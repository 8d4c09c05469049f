import { connect, type Socket } from 'node:net';
import type { OtlpProtocol } from '../../index.js';
import { hostOf, portOf } from '../../sinks/otlp/transport/proxy.js';
import { remedyFor } from '../../sinks/otlp/transport/remedies.js';
import { openTunnel } from '../../sinks/otlp/transport/tunnel.js';
import { type Finding, fail, ok } from './finding.js';
import { within } from './within.js';

/** How long a connection may take, and how long the proxy, ms. */
const MAX_MILLIS = 1_500;

/** A connection to the endpoint, or to its proxy, and what is to be said of it. */
export interface Connected {
  readonly findings: readonly Finding[];
  /** Open, and leads to the endpoint; `undefined` if that failed. The caller destroys it. */
  readonly socket: Socket | undefined;
}

const LOOK_AT_ENDPOINT = 'look at host and port in --endpoint, and at firewalls between';

const LOOK_AT_PROXY =
  'look at HTTPS_PROXY or HTTP_PROXY (host, port, user, password), whether the proxy runs, and at the ports that it allows; NO_PROXY goes around it';

/** Connects to an endpoint, through a proxy where there is one. */
export async function connectFindings(
  endpoint: URL,
  proxy: URL | undefined,
  protocol: OtlpProtocol,
): Promise<Connected> {
  const hop = proxy ?? endpoint;
  const socket = connect({ host: hostOf(hop), port: portOf(hop) });
  const remedy = (message: string) =>
    proxy === undefined ? (remedyFor(message, protocol) ?? LOOK_AT_ENDPOINT) : LOOK_AT_PROXY;
  const connection = await within(MAX_MILLIS, opened(socket, hop, remedy), () =>
    silent('connection', hop, remedy('no answer within')),
  );
  if (connection.status === 'fail' || proxy === undefined) {
    return result(socket, [connection]);
  }
  // HTTP without TLS goes to a proxy without a tunnel.
  if (protocol === 'http' && endpoint.protocol === 'http:') {
    return result(socket, [connection]);
  }
  const tunnel = await within(
    MAX_MILLIS,
    openTunnel(socket, proxy, endpoint).then(
      () => ok('proxy', `${proxy.host} opens a tunnel to ${hostOf(endpoint)}:${portOf(endpoint)}`),
      (error: Error) => fail('proxy', error.message, LOOK_AT_PROXY),
    ),
    () => silent('proxy', proxy, LOOK_AT_PROXY),
  );
  return result(socket, [connection, tunnel]);
}

function result(socket: Socket, findings: readonly Finding[]): Connected {
  if (findings.every(({ status }) => status !== 'fail')) {
    return { findings, socket };
  }
  socket.destroy();
  return { findings, socket: undefined };
}

function opened(socket: Socket, hop: URL, remedy: (message: string) => string): Promise<Finding> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    socket.once('connect', () => {
      const millis = (performance.now() - startedAt).toFixed(0);
      resolve(ok('connection', `${socket.remoteAddress} port ${portOf(hop)} answers (${millis} ms)`));
    });
    // Stays on: an error that comes later shows in what is asked next.
    socket.on('error', (error: Error & { errors?: readonly Error[] }) => {
      const message = error.errors?.map((each) => each.message).join('; ') || error.message;
      resolve(fail('connection', message, remedy(message)));
    });
  });
}

const silent = (check: string, { host }: URL, remedy: string): Finding =>
  fail(check, `no answer from ${host} within ${MAX_MILLIS / 1_000} s`, remedy);
