import { createServer, request as forward, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';

/** What a proxy does with what it is asked for. */
export type ProxyMode = 'forward' | 'refuse' | 'silent';

/** An HTTP proxy on loopback, that is gone after the test. */
export interface HttpProxy {
  /** With user and password. */
  readonly url: string;
  /** Can be set at any time. */
  mode: ProxyMode;
  /** The targets of tunnels that were opened, `host:port`. */
  readonly tunnels: string[];
  /** The URLs that were forwarded. */
  readonly forwarded: string[];
  refused: number;
  /** Connections that are open. */
  connections(): number;
}

const USER = 'user:p4ssw0rd';

/** The password in the URL of every proxy here. */
export const PROXY_PASSWORD = 'p4ssw0rd';

/** Starts a proxy for one user that takes any name for this host: only the proxy can resolve it. */
export async function startProxy(mode: ProxyMode = 'forward'): Promise<HttpProxy> {
  const sockets = new Set<Duplex>();
  const track = <S extends Duplex>(socket: S): S => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    return socket;
  };
  const isRefused = ({ headers }: IncomingMessage): boolean =>
    proxy.mode === 'refuse' ||
    headers['proxy-authorization'] !== `Basic ${Buffer.from(USER).toString('base64')}`;
  const server = createServer((request, response) => {
    if (isRefused(request)) {
      proxy.refused++;
      response.writeHead(502).end('the proxy refuses');
      return;
    }
    if (proxy.mode === 'silent') {
      return;
    }
    const { port, pathname } = new URL(request.url ?? '');
    proxy.forwarded.push(request.url ?? '');
    const { 'proxy-authorization': _, ...headers } = request.headers;
    request.pipe(
      forward({ host: '127.0.0.1', port, path: pathname, method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      }).on('error', () => response.destroy()),
    );
  });
  let open = 0;
  server.on('connection', (socket: Socket) => {
    open++;
    track(socket).once('close', () => open--);
  });
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    if (isRefused(request)) {
      proxy.refused++;
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    if (proxy.mode === 'silent') {
      client.resume().once('end', () => client.destroy());
      return;
    }
    const target = request.url ?? '';
    proxy.tunnels.push(target);
    const upstream = track(
      connect(Number(target.split(':').at(-1)), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      }),
    );
    upstream.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => server.close(resolve));
  });
  const proxy: HttpProxy = {
    url: `http://${USER}@127.0.0.1:${(server.address() as AddressInfo).port}`,
    mode,
    tunnels: [],
    forwarded: [],
    refused: 0,
    connections: () => open,
  };
  return proxy;
}
