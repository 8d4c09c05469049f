import { request } from 'node:http';
import type { Socket } from 'node:net';
import { hostOf, portOf, proxyCredentials } from './proxy.js';

/**
 * Makes of a connection to a proxy a tunnel to an endpoint: asks for it with CONNECT. The caller closes the connection
 * if it gives up.
 *
 * Source: RFC 9110, 9.3.6.
 *
 * @param socket connected to the proxy, and used for nothing yet
 * @throws {Error} by rejecting: the proxy refuses, or the connection ends
 */
export function openTunnel(socket: Socket, proxy: URL, endpoint: URL): Promise<void> {
  const host = hostOf(endpoint);
  const target = `${host.includes(':') ? `[${host}]` : host}:${portOf(endpoint)}`;
  const credentials = proxyCredentials(proxy);
  return new Promise((resolve, reject) => {
    const connect = request({
      method: 'CONNECT',
      path: target,
      createConnection: () => socket,
      headers: {
        host: target,
        ...(credentials === undefined
          ? {}
          : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }),
      },
    });
    connect.on('connect', ({ statusCode }, _, head) => {
      if (statusCode === 200) {
        socket.unshift(head);
        resolve();
      } else {
        reject(refused(statusCode));
      }
    });
    connect.on('response', ({ statusCode }) => reject(refused(statusCode)));
    connect.on('error', ({ message }) => reject(new Error(`the proxy does not open the tunnel: ${message}`)));
    connect.end();
  });
}

const refused = (status: number | undefined): Error =>
  new Error(`the proxy refuses the tunnel with HTTP ${status}`);
