import * as http from 'node:http';
import { createServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DeliveryEvent } from '../../../src/index.js';
import { collectionOf, sandboxRuns } from '../../support/collections.js';
import { DrivenSink } from '../../support/driven-sink.js';
import { socketServer } from '../../support/socket-server.js';

const TIMES = Number(process.env.STRESS ?? '1');

async function httpServer(respond: (socket: Socket, response: http.ServerResponse) => void): Promise<number> {
  const server = http.createServer((request, response) => {
    request.resume();
    respond(request.socket, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

const sinkTo = (port: number, protocol: 'grpc' | 'http') =>
  new DrivenSink({
    endpoint: `http://127.0.0.1:${port}${protocol === 'http' ? '/v1/metrics' : ''}`,
    protocol,
    exportTimeoutMillis: 20_000,
  });

describe('a body of many one-byte chunks', () => {
  it('keeps no more of memory than its bytes', async () => {
    const port = await httpServer((_, response) => {
      response.writeHead(503, { 'content-type': 'text/plain' });
      let sent = 0;
      const send = (): void => {
        for (let burst = 0; burst < 200 && sent < 60_000; burst++, sent++) {
          response.write('x');
        }
        if (sent < 60_000) {
          setImmediate(send);
        } else {
          response.end();
        }
      };
      send();
    });
    const sink = sinkTo(port, 'http');
    sink.collect(collectionOf(sandboxRuns(1)));
    const before = process.memoryUsage().arrayBuffers;
    expect(await sink.flush()).toMatchObject({ type: 'failed' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20);
  });
});

describe('informational answers without end', () => {
  it('end the attempt early over HTTP', async () => {
    const port = await httpServer((socket) => {
      const flood = setInterval(
        () => socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(20)),
        5,
      );
      socket.on('close', () => clearInterval(flood));
    });
    const sink = sinkTo(port, 'http');
    sink.collect(collectionOf(sandboxRuns(1)));
    expect(await sink.flush()).toMatchObject({
      type: 'failed',
      error: { message: 'informational answers (HTTP 1xx) without end' },
    });
  });
});

describe('informational answers without end', () => {
  it('end the attempt early over gRPC', async () => {
    const server = createServer();
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      const link = 'x'.repeat(8_000);
      let number = 0;
      const flood = setInterval(() => {
        for (let burst = 0; burst < 10 && !stream.destroyed; burst++) {
          // Another text each time, so that no compression of headers makes it small.
          stream.additionalHeaders({ ':status': 103, link: `<${number++}${link}>` });
        }
      }, 1);
      stream.on('close', () => clearInterval(flood));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const sink = sinkTo((server.address() as AddressInfo).port, 'grpc');
    sink.collect(collectionOf(sandboxRuns(1)));
    expect(await sink.flush()).toMatchObject({
      type: 'failed',
      error: { message: 'an answer without end' },
    });
  });
});

/** Pieces of answers of both protocols, of which random ones are put together. */
const piece = fc.oneof(
  fc
    .constantFrom(
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 103 Early Hints\r\n\r\n',
      'HTTP/1.1 400 Bad Request\r\n',
      'HTTP/1.1 413 \r\n',
      'content-type: application/x-protobuf\r\n',
      'content-type: text/html\r\n',
      'content-length: 5\r\n',
      'content-length: 99999999999\r\n',
      'transfer-encoding: chunked\r\n',
      'retry-after: -1\r\n',
      'retry-after: 1e9\r\n',
      '\r\n',
      '0\r\n\r\n',
      'ffffffff\r\n',
      '{"message":"',
      '"}',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    )
    .map((text) => Buffer.from(text)),
  // A frame of HTTP/2: length, type, flags, stream, payload.
  fc
    .tuple(fc.nat(10), fc.nat(255), fc.constantFrom(0, 1), fc.uint8Array({ maxLength: 40 }))
    .map(([type, flags, stream, payload]) =>
      Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload]),
    ),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
);

describe.each(['grpc', 'http'] as const)('random bytes as answers over %s', (protocol) => {
  it(
    'end in an event, never in an error, a hang or a crash',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.boolean(), async (pieces, closes) => {
          const { port } = await socketServer((socket) => {
            for (const bytes of pieces) {
              socket.write(bytes);
            }
            if (closes) {
              socket.end();
            }
          });
          await expectEvent(port, protocol);
        }),
        { numRuns: 25 * TIMES },
      );
    },
    60_000 * TIMES,
  );
});

async function expectEvent(port: number, protocol: 'grpc' | 'http'): Promise<DeliveryEvent> {
  const sink = new DrivenSink({
    endpoint: `http://127.0.0.1:${port}${protocol === 'http' ? '/v1/metrics' : ''}`,
    protocol,
    exportTimeoutMillis: 300,
  });
  sink.collect(collectionOf(sandboxRuns(2)));
  const event = await sink.flush();
  expect(['flushed', 'failed', 'rejected']).toContain(event.type);
  sink.stop();
  return event;
}

type AnswerOf<A> = A extends fc.Arbitrary<infer Answer> ? Answer : never;

const hostileText = fc.oneof(
  fc.constantFrom(
    '',
    'message larger than max (900 vs. 1)',
    'Received message larger than max (99999999999999999999 vs 4194304)',
    ' '.repeat(3_000),
    '%'.repeat(3_000),
    '%E4%ZZ%'.repeat(500),
    '{"message":{"message":1}}',
    '<html>'.repeat(300),
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 200 }).map((text) => text.replace(/[^ -~]/gu, '%')),
);

const number = fc.oneof(
  fc.integer({ min: -2, max: 20 }).map(String),
  fc.constantFrom('1e9', '99999999999999999999', 'x', '', '0x10', '-0'),
);

/** Messages of protobuf that say one thing and are another. */
const body = fc.oneof(
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  hostileText.map((text) => Buffer.from(text)),
  // A partial success: field 1, with the number of points that were refused and a text.
  fc
    .tuple(fc.uint8Array({ maxLength: 12 }), hostileText, fc.nat(255))
    .map(([points, text, length]) =>
      Buffer.concat([
        Buffer.from([10, length, 8]),
        points,
        Buffer.from([18, text.length & 127]),
        Buffer.from(text),
      ]),
    ),
);

const answersOverHttp = fc.record({
  status: fc.oneof(
    fc.constantFrom(200, 202, 204, 301, 307, 400, 401, 404, 413, 422, 429, 500, 502, 503),
    fc.integer({ min: 200, max: 999 }),
  ),
  type: fc.constantFrom('application/x-protobuf', 'application/json', 'text/html', 'text/plain', 'x', ''),
  headers: fc.dictionary(
    fc.constantFrom('retry-after', 'location', 'x-a', 'www-authenticate', 'content-encoding'),
    fc.oneof(number, hostileText),
  ),
  body,
  breaksOff: fc.boolean(),
});

describe('random answers over HTTP that begin well', () => {
  it(
    'end in an event, and reach what reads them',
    async () => {
      const kinds = new Set<string>();
      await fc.assert(
        fc.asyncProperty(answersOverHttp, async (answer) => {
          const port = await httpServer((_, response) => {
            response.writeHead(answer.status, { ...answer.headers, 'content-type': answer.type });
            response.write(answer.body);
            if (answer.breaksOff) {
              response.destroy();
            } else {
              response.end();
            }
          });
          kinds.add((await expectEvent(port, 'http')).type);
        }),
        {
          numRuns: 40 * TIMES,
          // One of each kind, so that both are there.
          examples: [200, 503].map((status): [AnswerOf<typeof answersOverHttp>] => [
            { status, type: 'application/json', headers: {}, body: Buffer.alloc(0), breaksOff: false },
          ]),
        },
      );
      expect([...kinds]).toEqual(expect.arrayContaining(['failed', 'flushed']));
    },
    60_000 * TIMES,
  );
});

const answersOverGrpc = fc.record({
  type: fc.constantFrom('application/grpc', 'application/grpc+proto', 'text/html', ''),
  status: fc.oneof(fc.integer({ min: 0, max: 16 }).map(String), number),
  message: hostileText,
  details: fc.option(
    fc.oneof(
      body.map((bytes) => bytes.toString('base64')),
      hostileText,
    ),
    { nil: undefined },
  ),
  encoding: fc.constantFrom('identity', 'gzip', 'x'),
  // A message: whether it says that it is compressed, how long it says that it is, and what comes.
  flag: fc.constantFrom(0, 0, 0, 1, 7),
  length: fc.option(fc.constantFrom(0, 1, 5, 0x7fffffff, 0xffffffff), { nil: undefined }),
  body,
  isTrailersOnly: fc.boolean(),
});

describe('random answers over gRPC that begin well', () => {
  it(
    'end in an event, and reach what reads them',
    async () => {
      const kinds = new Set<string>();
      const messages = new Set<string>();
      await fc.assert(
        fc.asyncProperty(answersOverGrpc, async (answer) => {
          const server = createServer().on('stream', (stream) => {
            const trailers = {
              'grpc-status': answer.status,
              'grpc-message': answer.message,
              ...(answer.details === undefined ? {} : { 'grpc-status-details-bin': answer.details }),
            };
            stream.on('error', () => {});
            const head = { ':status': 200, 'content-type': answer.type, 'grpc-encoding': answer.encoding };
            if (answer.isTrailersOnly) {
              stream.respond({ ...head, ...trailers }, { endStream: true });
              return;
            }
            stream.respond(head, { waitForTrailers: true });
            stream.on('wantTrailers', () => stream.sendTrailers(trailers));
            const prefix = Buffer.alloc(5);
            prefix.writeUInt8(answer.flag, 0);
            prefix.writeUInt32BE(answer.length ?? answer.body.length, 1);
            stream.end(Buffer.concat([prefix, answer.body]));
          });
          await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
          try {
            const event = await expectEvent((server.address() as AddressInfo).port, 'grpc');
            kinds.add(event.type);
            messages.add(event.type === 'failed' ? event.error.message.split(':')[0] : '');
          } finally {
            server.close();
          }
        }),
        {
          numRuns: 40 * TIMES,
          examples: ['0', '14', '8', '16', '7'].map((status): [AnswerOf<typeof answersOverGrpc>] => [
            {
              type: 'application/grpc',
              status,
              message: 'x',
              details: undefined,
              encoding: 'identity',
              flag: 0,
              length: undefined,
              body: Buffer.alloc(0),
              isTrailersOnly: false,
            },
          ]),
        },
      );
      expect([...kinds]).toEqual(expect.arrayContaining(['failed', 'flushed']));
      expect(messages.size).toBeGreaterThan(4);
    },
    60_000 * TIMES,
  );
});
