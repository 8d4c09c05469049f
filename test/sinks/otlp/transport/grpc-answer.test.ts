import { describe, expect, it } from 'vitest';
import { grpcAccepted, grpcAnswer } from '../../../../src/sinks/otlp/transport/grpc-answer.js';
import { rpcStatusAskingFor } from '../../../support/rpc-status.js';

describe('a gRPC call that was accepted', () => {
  it('has no partial success where the response tells of none', () => {
    expect(grpcAccepted(Buffer.alloc(0))).toStrictEqual({ kind: 'accepted' });
  });
});

describe('a gRPC call that failed', () => {
  it('is told by its status and the words of the backend', () => {
    expect(grpcAnswer({ code: 14, details: 'no route' })).toStrictEqual({
      kind: 'failed',
      error: new Error('gRPC UNAVAILABLE: no route'),
    });
    expect(grpcAnswer({ code: 14, details: '' })).toMatchObject({ error: new Error('gRPC UNAVAILABLE') });
    expect(
      grpcAnswer({ code: 14, details: 'no connection. Last error: ECONNREFUSED. Resolution note: ' }),
    ).toMatchObject({ error: new Error('gRPC UNAVAILABLE: no connection. Last error: ECONNREFUSED.') });
    expect(grpcAnswer({ code: 14, details: 'x Resolution note: none such' })).toMatchObject({
      error: new Error('gRPC UNAVAILABLE: x Resolution note: none such'),
    });
    expect(
      grpcAnswer({ code: 14, details: 'Failed to connect (2026-11-22T17:46:10.398Z). Retry (later)' }),
    ).toMatchObject({ error: new Error('gRPC UNAVAILABLE: Failed to connect. Retry (later)') });
    expect(grpcAnswer({ code: 99, details: 'x' })).toMatchObject({ error: new Error('gRPC code 99: x') });
  });

  it('asks for a wait by the details of its status, which may be garbage', () => {
    expect(grpcAnswer({ code: 14, details: '', statusDetails: rpcStatusAskingFor(5) })).toMatchObject({
      kind: 'failed',
      retryAfterMillis: 5_000,
    });
    for (const statusDetails of [Buffer.from([0xff]), Buffer.alloc(0)]) {
      expect(grpcAnswer({ code: 14, details: '', statusDetails })).toStrictEqual({
        kind: 'failed',
        error: new Error('gRPC UNAVAILABLE'),
      });
    }
  });
});

describe('a refusal for the size of a message', () => {
  it.each([
    [8, 'grpc: received message larger than max (5000000 vs. 4194304)', 4_194_304],
    [8, 'Received message larger than max (5000000 vs 4194304)', 4_194_304],
    [8, 'gRPC message exceeds maximum size 4194304: 5000000', 4_194_304],
    [
      11,
      'Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes',
      4_194_304,
    ],
    [8, 'body too large, the limit is 1000', 1_000],
    [8, 'Message length limit exceeded', undefined],
    [8, 'request entity too large', undefined],
    [8, 'payload is too big', undefined],
    [8, 'Request too large', undefined],
    [8, 'received message larger than max (5000000 vs. 0)', undefined],
  ])('is code %i with %j, and may state the limit', (code, details, limitBytes) => {
    const answer = grpcAnswer({ code, details });
    expect(answer).toStrictEqual({
      kind: 'too-large',
      error: new Error(`gRPC ${code === 8 ? 'RESOURCE_EXHAUSTED' : 'OUT_OF_RANGE'}: ${details}`),
      ...(limitBytes === undefined ? {} : { limitBytes }),
    });
  });

  it.each([
    [8, 'too many requests'],
    [8, 'message rate too large'],
    [8, 'quota for message size: message too large'],
    [8, 'message too large: 5 MB per second'],
    [11, 'value out of range'],
    [14, 'message too large'],
    [13, 'received message larger than max (5000000 vs. 4194304)'],
  ])('is not code %i with %j', (code, details) => {
    expect(grpcAnswer({ code, details }).kind).toBe('failed');
  });

  it('is a matter of time, not of size, where the backend asks for a wait', () => {
    expect(
      grpcAnswer({ code: 8, details: 'message too large', statusDetails: rpcStatusAskingFor(1) }),
    ).toMatchObject({
      kind: 'failed',
      retryAfterMillis: 1_000,
    });
  });
});
