/** A receiver on loopback that accepts everything and keeps nothing. Runs until its parent goes. */
import { Server, ServerCredentials } from '@grpc/grpc-js';

const [port = '0'] = process.argv.slice(2);
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
      process.send?.({ bytes: call.request.length });
      callback(null, Buffer.alloc(0));
    },
  },
);
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
  if (error !== null) {
    throw error;
  }
  process.send?.({ port: bound });
});
process.on('disconnect', () => process.exit());
