/** The backend's side of the demo: an OTLP receiver on loopback that tells what it was sent. */
import { startGrpcReceiver } from '../test/receiver/receiver.js';
import type { ArrivedMessage, ListeningMessage } from './messages.js';

const receiver = await startGrpcReceiver({
  reply: (request) => {
    const points = request.points
      .filter(({ attributes }) => 'sandbox.name' in attributes)
      .map(({ metric, value, timeNanos, attributes }) => ({
        metric,
        value,
        timeMillis: Number(timeNanos / 1_000_000n),
        name: String(attributes['sandbox.name']),
      }));
    process.send?.({ type: 'arrived', bytes: request.bytes, points } satisfies ArrivedMessage);
    return { kind: 'ok' };
  },
});
process.send?.({ type: 'listening', port: receiver.port } satisfies ListeningMessage);

process.on('SIGINT', () => {});
process.on('disconnect', () => void receiver.close());
