import type { Socket } from 'node:net';
import type { ChannelCredentials } from '@grpc/grpc-js';

/** The sockets that channels made with some credentials have open. */
export interface TrackedSockets {
  /** Bytes that have arrived on all that are open. */
  bytesRead(): number;
  /** Closes them all, whatever they are waiting for. */
  destroy(): void;
}

/**
 * Tracks the sockets of every channel that will use these credentials.
 *
 * Closing a gRPC client does not close a connection whose HTTP/2 handshake the peer has not answered. The connection
 * would stay as long as the peer does, one more for each attempt. A channel hands its sockets to the credentials, so
 * this is where they can be seen.
 *
 * @param prepare called with each socket once it is connected, before anything else is sent. Default: nothing is done.
 */
export function trackSockets(
  credentials: ChannelCredentials,
  prepare: (socket: Socket) => Promise<void> = async () => {},
): TrackedSockets {
  const sockets = new Set<Socket>();
  const createConnector = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...parameters) => {
    const connector = createConnector(...parameters);
    return {
      connect: async (socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        await prepare(socket);
        return connector.connect(socket);
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  };
  return {
    bytesRead: () => [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    destroy: () => {
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  };
}
