import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { samples, samplesOf, threeRuns, tickOf } from '../../support/delivered-samples.js';
import { eventually } from '../../support/eventually.js';
import { type BackendReply, OTLP_BACKENDS } from '../../support/otlp-backends.js';
import { hasEnded, socketServer } from '../../support/socket-server.js';

describe.each(OTLP_BACKENDS)('a backend over $protocol', ({ start, sinkTo }) => {
  it('refuses connections: failed, until it is back', async () => {
    const gone = await start();
    await gone.close();
    const sink = sinkTo(gone);
    sink.collect(tickOf());
    expect(await sink.flush()).toMatchObject({
      type: 'failed',
      error: { message: expect.stringContaining('ECONNREFUSED') },
    });
    const back = await start({ port: gone.port });
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(samples(back)).toEqual(samplesOf(0));
  });

  it.each<[string, (socket: Socket) => void]>([
    ['resets connections', (socket) => socket.resetAndDestroy()],
    ['closes connections before it answers', (socket) => socket.end()],
    ['answers garbage', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['breaks off in the head', (socket) => socket.end('HTTP/1.1 200 O')],
    ['speaks HTTP/1.1, and does not like what it sees', (socket) => socket.end('HTTP/1.1 500 No\r\n\r\n')],
  ])('%s: failed, and held', async (_, onConnection) => {
    const sink = sinkTo(await socketServer(onConnection));
    sink.collect(tickOf());
    expect(await sink.flush()).toMatchObject({
      type: 'failed',
      held: 1,
      error: { message: expect.stringMatching(/\w/u) },
    });
  });

  it('never answers: failed after the export timeout; the connection is closed, the next attempt has its own', async () => {
    const server = await socketServer(() => {});
    const sink = sinkTo(server, { exportTimeoutMillis: 1_000 });
    sink.collect(tickOf());
    expect(await sink.flush()).toMatchObject({
      type: 'failed',
      error: { message: 'no answer within 1000 ms' },
    });
    expect(await sink.flush()).toMatchObject({ type: 'failed', failures: 2 });
    expect(server.connections).toHaveLength(2);
    await eventually(() => server.connections.every(hasEnded), 'their end');
  });

  it('leaves the last export without an answer and is well again: the drain delivers', async () => {
    const receiver = await start({ reply: (index) => ({ kind: index === 0 ? 'lost' : 'ok' }) });
    const sink = sinkTo(receiver, { exportTimeoutMillis: 1_000 });
    sink.collect(tickOf());
    const flushed = sink.flush();
    await eventually(() => receiver.requests.length === 1);
    expect(await sink.drain()).toMatchObject({ type: 'drained', lost: 0, error: undefined });
    expect(await flushed).toMatchObject({ type: 'failed' });
    expect(samples(receiver)).toEqual(samplesOf(0));
  });

  it('answers too late: the batch is sent again, and nothing else', async () => {
    let answer = (): void => {};
    const late: BackendReply = { kind: 'late', answer: new Promise((resolve) => (answer = resolve)) };
    const receiver = await start({ reply: (index) => (index === 0 ? late : { kind: 'ok' }) });
    const sink = sinkTo(receiver, { exportTimeoutMillis: 300 });
    sink.collect(tickOf(0));
    expect(await sink.flush()).toMatchObject({ type: 'failed' });
    answer();
    sink.collect(tickOf(1));
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(samples(receiver)).toEqual(samplesOf(0, 1));
  });

  it('loses the acknowledgement: the duplicates are that batch at most', async () => {
    const receiver = await start({ reply: (index) => ({ kind: index === 1 ? 'lost' : 'ok' }) });
    const sink = sinkTo(receiver, { exportTimeoutMillis: 300 });
    for (const index of [0, 1, 2]) {
      sink.collect(tickOf(index));
      await sink.flush();
    }
    // All that the receiver stored, not only what it could acknowledge.
    const stored = receiver.requests
      .flatMap(({ points }) => points)
      .filter(({ metric }) => metric === 'microsandbox.uptime');
    expect(stored).toHaveLength(threeRuns.length * 4);
    expect(samples(receiver)).toEqual(samplesOf(0, 1, 2));
  });

  it('takes a part: that is counted and told, and nothing of it is sent again', async () => {
    const receiver = await start({
      reply: () => ({ kind: 'ok', rejectedDataPoints: 5, errorMessage: 'too old' }),
    });
    const sink = sinkTo(receiver);
    sink.collect(tickOf());
    await sink.flush();
    await sink.flush();
    expect(sink.of('exported')[0].partial).toEqual({ rejectedPoints: 5, message: 'too old' });
    expect(samples(receiver)).toEqual(samplesOf(0));
    const rejected = receiver.requests[1].points.find(
      ({ metric }) => metric === 'microsandbox.collector.points.rejected',
    );
    expect(rejected?.value).toBe(5);
  });

  it('is unsubscribed from: the call is cancelled and the connection closed', async () => {
    const server = await socketServer(() => {});
    const sink = sinkTo(server);
    sink.collect(tickOf());
    void sink.flush().catch(() => {});
    await eventually(() => server.connections.length === 1);
    sink.stop();
    await eventually(() => hasEnded(server.connections[0]), 'its end');
  });
});
