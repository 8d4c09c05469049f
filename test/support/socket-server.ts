import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A server on a bare socket, on loopback, that does with each connection what it is told. */
export async function socketServer(
  onConnection: (socket: Socket) => void,
): Promise<{ readonly port: number; readonly connections: readonly Socket[] }> {
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    socket.on('error', () => {});
    socket.resume();
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of connections) {
      socket.destroy();
    }
  });
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, connections };
}

/** Whether the other side has let go of a connection. */
export function hasEnded(socket: Socket): boolean {
  return socket.destroyed || socket.readableEnded;
}
