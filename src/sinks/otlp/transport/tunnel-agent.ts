import type * as http from 'node:http';
import * as https from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { hostOf, portOf } from './proxy.js';
import { openTunnel } from './tunnel.js';

type OnConnected = (error: Error | null, socket?: Duplex) => void;

/**
 * An agent whose TLS connections go through tunnels of a proxy. The certificate is checked against the endpoint, also where
 * that is an address. Closes, when it is destroyed, also what still waits for the proxy.
 */
export class TunnelAgent extends https.Agent {
  readonly #endpoint: URL;
  readonly #proxy: URL;
  readonly #waiting = new Set<Socket>();

  constructor(endpoint: URL, proxy: URL, options: https.AgentOptions) {
    super(options);
    this.#endpoint = endpoint;
    this.#proxy = proxy;
  }

  override createConnection(options: http.ClientRequestArgs, onConnected: OnConnected): undefined {
    const socket = connect({ host: hostOf(this.#proxy), port: portOf(this.#proxy) });
    this.#waiting.add(socket);
    const fail = (error: Error): void => {
      this.#waiting.delete(socket);
      socket.destroy();
      onConnected(error);
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      openTunnel(socket, this.#proxy, this.#endpoint).then(() => {
        this.#waiting.delete(socket);
        socket.off('error', fail);
        // Node's own agent speaks TLS over the socket that is among the options.
        onConnected(null, super.createConnection({ ...options, socket } as never) as Duplex);
      }, fail);
    });
    return undefined;
  }

  override destroy(): void {
    for (const socket of this.#waiting) {
      socket.destroy();
    }
    super.destroy();
  }
}
