import * as http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
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
    const { createServer } = await import('node:http2');
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

describe.each(['grpc', 'http'] as const)('random hostile answers over %s', (protocol) => {
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
          const sink = new DrivenSink({
            endpoint: `http://127.0.0.1:${port}${protocol === 'http' ? '/v1/metrics' : ''}`,
            protocol,
            exportTimeoutMillis: 300,
          });
          sink.collect(collectionOf(sandboxRuns(2)));
          const event = await sink.flush();
          expect(['flushed', 'failed']).toContain(event.type);
          sink.stop();
        }),
        { numRuns: 25 * TIMES },
      );
    },
    60_000 * TIMES,
  );
});
