/**
 * Receivers on loopback, of both protocols, that accept everything and keep nothing. They tell their parent the size of each
 * request. They run until their parent goes.
 *
 *     receiver.ts [port for gRPC]
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';

const [port = '0'] = process.argv.slice(2);
const tell = (message: object): void => void process.send?.(message);

const http = createServer((request, response) => {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on('end', () => {
    tell({ bytes });
    response.setHeader('content-type', 'application/x-protobuf');
    response.end();
  });
});
await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));

const asIs = (bytes: Buffer): Buffer => bytes;
const server = new Server();
server.addService(
  {
    export: {
      path: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
      requestStream: false,
      responseStream: false,
      requestDeserialize: asIs,
      requestSerialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  {
    export: (call: { request: Buffer }, callback: (error: null, response: Buffer) => void) => {
      tell({ bytes: call.request.length });
      callback(null, Buffer.alloc(0));
    },
  },
);
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
  if (error !== null) {
    throw error;
  }
  tell({ port: bound, httpPort: (http.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit());
