import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback } from '../sinks/otlp/transport/loopback.js';
import type { Log } from './log.js';
import type { ListenAddress } from './options/listen-address.js';

/** Connections at once, far more than a few scrapers and probes have: a flood does not take all descriptors. */
const MAX_CONNECTIONS = 256;

/** An address cannot be listened on, now. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** How long a request may take to arrive, and how often that is looked at, ms: silent connections do not keep others out for long. */
const TIMEOUTS = { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 };

/** An HTTP server that listens. */
export interface HttpServer {
  readonly server: Server;
  /** `http://HOST:PORT`, with the port that it really has. */
  readonly origin: string;
  /** Stops listening, and ends what is open. */
  close(): void;
}

/**
 * Listens for HTTP.
 *
 * @param answer called for each request
 * @throws {ListenError} where the address cannot be listened on
 */
export async function listenForHttp(
  { host, port, source }: ListenAddress,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpServer> {
  const server = createServer(TIMEOUTS, answer);
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(
        new ListenError(
          `${source}: cannot listen on ${host}:${port} (${code}): expected an address of this host and a port that is free`,
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  // A connection that cannot be accepted is no reason to stop the program.
  server.on('error', () => {});
  const { address, port: actual, family } = server.address() as AddressInfo;
  return {
    server,
    origin: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Warns of an address that is not this host's alone. */
export function warnIfOpen({ server }: HttpServer, what: string, target: string, log: Log): void {
  const { address } = server.address() as AddressInfo;
  if (!isLoopback(address)) {
    log(
      'warn',
      target,
      `${what} can be read from other hosts, without TLS and without a token: put a proxy in front, or listen on 127.0.0.1`,
      { host: address },
    );
  }
}
