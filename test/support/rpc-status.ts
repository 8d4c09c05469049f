import protobuf from 'protobufjs/minimal.js';

const { Writer } = protobuf;

/** A serialised google.rpc.Status with a message, as the body of an OTLP/HTTP failure. */
export function rpcStatus(message: string): Buffer {
  return Buffer.from(Writer.create().uint32(8).int32(3).uint32(18).string(message).finish());
}

/** A serialised google.rpc.Status whose details hold a RetryInfo, as the trailer `grpc-status-details-bin`. */
export function rpcStatusAskingFor(seconds: number, nanos = 0): Buffer {
  const duration = Writer.create().uint32(8).int64(seconds).uint32(16).int32(nanos).finish();
  const info = Writer.create().uint32(10).bytes(duration).finish();
  const any = Writer.create()
    .uint32(10)
    .string('type.googleapis.com/google.rpc.RetryInfo')
    .uint32(18)
    .bytes(info)
    .finish();
  return Buffer.concat([rpcStatus('later'), Writer.create().uint32(26).bytes(any).finish()]);
}
