import { Socket } from 'node:net';
import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GRPC_STATUS } from '../../../src/sinks/otlp/transport/grpc-answer.js';
import {
  type GrpcReceiverOptions,
  type GrpcReply,
  type Receiver,
  startGrpcReceiver,
} from '../../receiver/receiver.js';
import { collectionOf, sandboxRuns } from '../../support/collections.js';
import { samples, samplesOf, tickOf } from '../../support/delivered-samples.js';
import { DrivenSink } from '../../support/driven-sink.js';
import { rpcStatusAskingFor } from '../../support/rpc-status.js';
import { socketServer } from '../../support/socket-server.js';

async function receiverThat(
  reply: GrpcReceiverOptions['reply'],
  options: GrpcReceiverOptions = {},
): Promise<Receiver> {
  const receiver = await startGrpcReceiver({ ...options, ...(reply === undefined ? {} : { reply }) });
  onTestFinished(() => receiver.close());
  return receiver;
}

const sinkTo = (receiver: { readonly port: number }, options = {}): DrivenSink =>
  new DrivenSink({ endpoint: `http://127.0.0.1:${receiver.port}`, ...options });

/** The trailers with a google.rpc.Status whose details hold a RetryInfo. */
function retryInfo(seconds: number, nanos: number): Metadata {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', rpcStatusAskingFor(seconds, nanos));
  return metadata;
}

/**
 * "OTLP/gRPC Response / Failures" of the OpenTelemetry Protocol Specification 1.7 has a table of which codes are
 * retryable. A sidecar keeps what was refused with the others too, for a wrong token is mended by an operator, not by
 * throwing data away; INVALID_ARGUMENT alone says that the data itself is refused for ever.
 */
const CODES: readonly [code: string, spec: 'retryable' | 'not retryable', ours: 'sent again' | 'given up'][] =
  [
    ['CANCELLED', 'retryable', 'sent again'],
    ['UNKNOWN', 'not retryable', 'sent again'],
    ['INVALID_ARGUMENT', 'not retryable', 'given up'],
    ['DEADLINE_EXCEEDED', 'retryable', 'sent again'],
    ['NOT_FOUND', 'not retryable', 'sent again'],
    ['ALREADY_EXISTS', 'not retryable', 'sent again'],
    ['PERMISSION_DENIED', 'not retryable', 'sent again'],
    ['RESOURCE_EXHAUSTED', 'retryable', 'sent again'],
    ['FAILED_PRECONDITION', 'not retryable', 'sent again'],
    ['ABORTED', 'retryable', 'sent again'],
    ['OUT_OF_RANGE', 'retryable', 'sent again'],
    ['UNIMPLEMENTED', 'not retryable', 'sent again'],
    ['INTERNAL', 'not retryable', 'sent again'],
    ['UNAVAILABLE', 'retryable', 'sent again'],
    ['DATA_LOSS', 'retryable', 'sent again'],
    ['UNAUTHENTICATED', 'not retryable', 'sent again'],
  ];

describe.each(CODES)('gRPC %s (%s by the specification)', (name, _, ours) => {
  const code = GRPC_STATUS.indexOf(name as (typeof GRPC_STATUS)[number]);
  const failing =
    (metadata?: Metadata): GrpcReceiverOptions['reply'] =>
    (__, index): GrpcReply =>
      index === 0
        ? { kind: 'status', code, details: 'the words of the backend', ...(metadata ? { metadata } : {}) }
        : { kind: 'ok' };

  it(`is ${ours}, with one attempt, and told in the backend's words`, async () => {
    const receiver = await receiverThat(failing());
    const sink = sinkTo(receiver);
    sink.collect(tickOf());
    const end = await sink.flush();
    if (ours === 'given up') {
      // Only what is refused alone is: the collection goes out again in two halves, which this receiver accepts.
      expect(end.type).toBe('flushed');
      expect(sink.of('split')).toMatchObject([
        { error: { message: `gRPC ${name}: the words of the backend` } },
      ]);
      expect(samples(receiver)).toEqual(samplesOf(0));
      return;
    }
    expect(receiver.requests).toHaveLength(1);
    expect(end).toMatchObject({
      type: 'failed',
      error: { message: `gRPC ${name}: the words of the backend` },
      failures: 1,
      retryInMillis: 60_000,
      held: 1,
    });
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(samples(receiver)).toEqual(samplesOf(0));
  });

  it.runIf(ours === 'sent again')('waits as long as RetryInfo asks, up to 32 flush intervals', async () => {
    for (const [seconds, nanos, millis] of [
      [90, 500_000_000, 90_500],
      [1, 0, 60_000],
      [10_000_000, 0, 1_920_000],
      [-5, 0, 60_000],
    ]) {
      const sink = sinkTo(await receiverThat(failing(retryInfo(seconds, nanos))));
      sink.collect(tickOf());
      expect(await sink.flush()).toMatchObject({ type: 'failed', retryInMillis: millis });
    }
  });
});

describe('gRPC INVALID_ARGUMENT', () => {
  it('costs only what is refused, and no connection', async () => {
    const bad = (points: Receiver['requests'][number]['points']) =>
      points.some(
        ({ attributes, timeNanos }) =>
          attributes['sandbox.name'] === 'sandbox-1' && timeNanos % 2_000_000_000n !== 0n,
      );
    const receiver = await receiverThat(({ points }) =>
      bad(points) ? { kind: 'status', code: 3, details: 'out of order sample' } : { kind: 'ok' },
    );
    const sink = sinkTo(receiver);
    for (const index of [0, 1, 2]) {
      sink.collect(tickOf(index));
    }
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(samples(receiver)).toEqual(
      samplesOf(0, 1, 2).filter((sample) => !sample.startsWith('sandbox-1@1790000061')),
    );
    expect(sink.of('rejected')).toMatchObject([
      { items: 0, points: 11, error: { message: 'gRPC INVALID_ARGUMENT: out of order sample' } },
    ]);
    expect(new Set(receiver.requests.map(({ headers }) => headers[':peer'])).size).toBe(1);
    sink.collect(tickOf(4));
    await sink.flush();
    const own = Object.fromEntries(
      receiver.accepted.at(-1)?.points.map(({ metric, value }) => [metric, value]) ?? [],
    );
    expect(own['microsandbox.collector.points.rejected']).toBe(11);
    expect(own['microsandbox.collector.collections.rejected']).toBe(0);
  });
});

describe('a refusal for the size of a request', () => {
  it('by the real limit of a gRPC server is answered with smaller requests', async () => {
    const receiver = await receiverThat(undefined, { maxReceiveBytes: 20_000 });
    const sink = sinkTo(receiver);
    const many = sandboxRuns(100);
    for (const index of [0, 1, 2]) {
      sink.collect(collectionOf(many, 1_790_000_060_000 + index));
    }
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(samples(receiver)).toHaveLength(300);
    expect(new Set(samples(receiver)).size).toBe(300);
    expect(sink.of('split')[0].error.message).toMatch(
      /^gRPC RESOURCE_EXHAUSTED: Received message larger than max/u,
    );
    expect(receiver.accepted.every(({ bytes }) => bytes <= 20_000)).toBe(true);
  });

  it.each([
    [8, 'grpc: received message larger than max (5000000 vs. 4194304)', true],
    [8, 'gRPC message exceeds maximum size 4194304: 5000000', true],
    [11, 'Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes', true],
    [8, 'request entity too large', true],
    [8, 'ingestion rate limit exceeded: request size 2MB/s, try again later', false],
    [8, 'per-user series limit of 1000 exceeded: quota', false],
    [11, 'value out of range', false],
  ])('is told from others by its words: code %i, %j', async (code, details, isSize) => {
    const receiver = await receiverThat((_, index) =>
      index === 0 ? { kind: 'status', code, details } : { kind: 'ok' },
    );
    const sink = sinkTo(receiver);
    sink.collect(tickOf());
    expect((await sink.flush()).type).toBe(isSize ? 'flushed' : 'failed');
    expect(sink.of('split')).toHaveLength(isSize ? 1 : 0);
  });
});

describe('a success over gRPC', () => {
  it.each([
    ['garbage', Buffer.from([0xff, 0xff, 0xff])],
    ['nothing', Buffer.alloc(0)],
  ])('with %s for a response is one all the same', async (_, bytes) => {
    const receiver = await receiverThat(() => ({ kind: 'bytes', bytes }));
    const sink = sinkTo(receiver);
    sink.collect(tickOf());
    expect(await sink.flush()).toEqual({ type: 'flushed' });
    expect(sink.of('exported')[0].partial).toBeUndefined();
  });
});

describe('gzip over gRPC', () => {
  it('shrinks what is sent, and the receiver sees the same', async () => {
    const received: number[] = [];
    for (const compression of ['none', 'gzip'] as const) {
      const receiver = await receiverThat(undefined);
      let bytes = 0;
      const proxy = await socketServer((socket) => {
        const upstream = new Socket();
        upstream.connect(receiver.port, '127.0.0.1');
        upstream.on('error', () => {});
        socket.on('data', (chunk) => {
          bytes += chunk.length;
        });
        socket.pipe(upstream).pipe(socket);
        onTestFinished(() => void upstream.destroy());
      });
      const sink = sinkTo(proxy, { compression });
      sink.collect(collectionOf(sandboxRuns(500)));
      expect(await sink.flush()).toEqual({ type: 'flushed' });
      expect(samples(receiver)).toHaveLength(500);
      received.push(bytes);
    }
    const [plain, gzipped] = received;
    console.log(`gzip: ${gzipped} of ${plain} bytes, ${((100 * gzipped) / plain).toFixed(0)} %`);
    expect(gzipped).toBeLessThan(plain / 3);
  });
});

describe('secrets', () => {
  it.each([
    300, 900,
  ])('of %i characters are blotted out where the backend repeats them, also when cut', async (length) => {
    const token = Array.from({ length }, (_, index) => String.fromCharCode(97 + ((index * 7) % 26))).join('');
    const receiver = await receiverThat(({ headers }) => ({
      kind: 'status',
      code: 16,
      details: `bad token: ${headers.authorization}`,
    }));
    const sink = sinkTo(receiver, { headers: { authorization: `Bearer ${token}` } });
    sink.collect(tickOf());
    const end = await sink.flush();
    expect(receiver.requests[0].headers.authorization).toBe(`Bearer ${token}`);
    expect(end).toMatchObject({ type: 'failed', error: { message: 'gRPC UNAUTHENTICATED: bad token: ***' } });
  });
});
