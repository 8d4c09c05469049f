/** The backend's side of the demo: an OTLP receiver on loopback that tells what it was sent. */
import { startGrpcReceiver } from '../test/receiver/receiver.js';
import { sandboxPoints } from '../test/support/arrived.js';
import type { ArrivedMessage, ListeningMessage } from './messages.js';

const receiver = await startGrpcReceiver({
  reply: (request) => {
    const points = sandboxPoints(request.points);
    process.send?.({ type: 'arrived', bytes: request.bytes, points } satisfies ArrivedMessage);
    return { kind: 'ok' };
  },
});
process.send?.({ type: 'listening', port: receiver.port } satisfies ListeningMessage);

process.on('SIGINT', () => {});
process.on('disconnect', () => void receiver.close());
