import { onTestFinished } from 'vitest';
import {
  type GrpcReply,
  type HttpReply,
  ok,
  type Receiver,
  startGrpcReceiver,
  startHttpReceiver,
} from '../receiver/receiver.js';
import { DrivenSink } from './driven-sink.js';

/** What a receiver of either protocol does with a request, told without the words of that protocol. */
export type BackendReply =
  | { readonly kind: 'ok'; readonly rejectedDataPoints?: number; readonly errorMessage?: string }
  /** Stores the request, and the answer is lost. */
  | { readonly kind: 'lost' }
  /** Answers with OK once told to. */
  | { readonly kind: 'late'; readonly answer: Promise<void> };

/** One protocol of OTLP: its receiver, and the sink that speaks to it. */
export interface OtlpBackend {
  readonly protocol: 'grpc' | 'http';
  start(options?: { reply?: (index: number) => BackendReply; port?: number }): Promise<Receiver>;
  sinkTo(receiver: { readonly port: number }, options?: { exportTimeoutMillis?: number }): DrivenSink;
}

function grpcReply(reply: BackendReply): GrpcReply {
  switch (reply.kind) {
    case 'ok':
      return reply;
    case 'lost':
      return { kind: 'hang' };
    case 'late':
      return { kind: 'late', answer: reply.answer };
  }
}

function httpReply(reply: BackendReply): HttpReply {
  switch (reply.kind) {
    case 'ok': {
      const { rejectedDataPoints = 0, errorMessage = '' } = reply;
      return ok({ rejectedDataPoints, errorMessage });
    }
    case 'lost':
      return (_, socket) => socket.resetAndDestroy();
    case 'late':
      return (response) => void reply.answer.then(() => response.writeHead(200).end());
  }
}

const yes = (): BackendReply => ({ kind: 'ok' });

/** OTLP/gRPC and OTLP/HTTP. */
export const OTLP_BACKENDS: readonly OtlpBackend[] = [
  {
    protocol: 'grpc',
    start: async ({ reply = yes, port = 0 } = {}) =>
      closedAfterTest(await startGrpcReceiver({ port, reply: (_, index) => grpcReply(reply(index)) })),
    sinkTo: ({ port }, options) => new DrivenSink({ endpoint: `http://127.0.0.1:${port}`, ...options }),
  },
  {
    protocol: 'http',
    start: async ({ reply = yes, port = 0 } = {}) =>
      closedAfterTest(await startHttpReceiver({ port, reply: (_, index) => httpReply(reply(index)) })),
    sinkTo: ({ port }, options) =>
      new DrivenSink({ endpoint: `http://127.0.0.1:${port}/v1/metrics`, protocol: 'http', ...options }),
  },
];

function closedAfterTest(receiver: Receiver): Receiver {
  onTestFinished(() => receiver.close());
  return receiver;
}
