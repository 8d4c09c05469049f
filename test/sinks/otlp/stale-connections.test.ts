import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { collectionOf, sandboxRuns } from '../../support/collections.js';
import { OTLP_BACKENDS } from '../../support/otlp-backends.js';

/** A proxy on loopback that can forget its connections: the next packet on one of them is answered with a reset. */
async function forgetfulProxy(to: number) {
  const forgotten = new Set<Socket>();
  let connections = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    connections++;
    const upstream = connect(to, '127.0.0.1');
    open.add(client);
    client.on('data', (chunk) => {
      if (forgotten.has(client)) {
        client.resetAndDestroy();
      } else {
        upstream.write(chunk);
      }
    });
    upstream.on('data', (chunk) => client.write(chunk));
    for (const socket of [client, upstream]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of open) {
      socket.destroy();
    }
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: () => connections,
    forget: () => {
      for (const socket of open) {
        forgotten.add(socket);
      }
    },
  };
}

describe.each(OTLP_BACKENDS)('over $protocol, a connection that a middlebox has forgotten', (backend) => {
  const start = async () => {
    const receiver = await backend.start();
    const proxy = await forgetfulProxy(receiver.port);
    const sink = backend.sinkTo(proxy);
    sink.collect(collectionOf(sandboxRuns(2), 1_790_000_000_000));
    expect(await sink.flush()).toMatchObject({ type: 'flushed' });
    return { receiver, proxy, sink };
  };

  it('costs no failure: the request goes out once more, over a new one', async () => {
    const { receiver, proxy, sink } = await start();
    expect(proxy.connections()).toBe(1);
    proxy.forget();
    sink.collect(collectionOf(sandboxRuns(2), 1_790_000_010_000));
    expect(await sink.flush()).toMatchObject({ type: 'flushed' });
    expect(sink.of('failed')).toEqual([]);
    expect(receiver.requests).toHaveLength(2);
    expect(proxy.connections()).toBe(2);
  });

  it('costs nothing in the drain', async () => {
    const { receiver, proxy, sink } = await start();
    proxy.forget();
    sink.collect(collectionOf(sandboxRuns(2), 1_790_000_010_000));
    expect(await sink.drain()).toMatchObject({ type: 'drained', lost: 0, error: undefined });
    expect(receiver.requests).toHaveLength(2);
  });

  it('is one used before: a reset of the first is a failure, after one attempt', async () => {
    const receiver = await backend.start();
    const proxy = await forgetfulProxy(receiver.port);
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.resetAndDestroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const address = server.address() as { port: number };
    let attempts = 0;
    server.on('connection', () => attempts++);
    const sink = backend.sinkTo({ port: address.port });
    sink.collect(collectionOf(sandboxRuns(1), 1_790_000_000_000));
    expect(await sink.flush()).toMatchObject({ type: 'failed' });
    expect(attempts).toBe(1);
    expect(proxy.connections()).toBe(0);
  });

  it('keeps its connection from flush to flush otherwise', async () => {
    const { proxy, sink } = await start();
    for (let flush = 1; flush <= 3; flush++) {
      sink.collect(collectionOf(sandboxRuns(1), 1_790_000_000_000 + flush));
      await sink.flush();
    }
    expect(proxy.connections()).toBe(1);
  });
});
