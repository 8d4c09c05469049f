import type { PartialSuccess } from '../../../streams/exporter.js';
import { Reader } from '../encoding/protobuf.js';

const WIRE_TYPE_LENGTH_DELIMITED = 2;

/** The length-delimited and varint fields of any protobuf message. Throws if the bytes are not a protobuf message. */
function* fields(bytes: Uint8Array): Generator<{ field: number; bytes?: Uint8Array; varint?: number }> {
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = tag >>> 3;
    const wireType = tag & 7;
    if (wireType === WIRE_TYPE_LENGTH_DELIMITED) {
      yield { field, bytes: reader.bytes() };
    } else if (wireType === 0) {
      yield { field, varint: Number(reader.int64().toString()) };
    } else {
      reader.skipType(wireType);
    }
  }
}

const text = (bytes: Uint8Array | undefined, orElse: string): string =>
  bytes === undefined ? orElse : Buffer.from(bytes).toString('utf8');

/**
 * The partial success in a serialised ExportMetricsServiceResponse. `undefined` if there is none in it, or if the bytes
 * are not such a message: the request was accepted all the same.
 *
 * Source: opentelemetry/proto/collector/metrics/v1/metrics_service.proto.
 */
export function parsePartialSuccess(response: Uint8Array): PartialSuccess | undefined {
  try {
    for (const outer of fields(response)) {
      if (outer.field === 1 && outer.bytes !== undefined) {
        let points = 0;
        let message = '';
        for (const { field, varint, bytes } of fields(outer.bytes)) {
          points = field === 1 ? (varint ?? points) : points;
          message = field === 2 ? text(bytes, message) : message;
        }
        const rejectedPoints = Math.max(0, points);
        return rejectedPoints > 0 || message !== '' ? { rejectedPoints, message } : undefined;
      }
    }
  } catch {
    // Not a protobuf message.
  }
  return undefined;
}

/** What matters here of a google.rpc.Status. */
export interface RpcStatus {
  readonly message: string;
  /** Of the RetryInfo among its details, ms. */
  readonly retryDelayMillis: number | undefined;
}

/**
 * Reads a serialised google.rpc.Status, as in the trailer `grpc-status-details-bin` and in the body of an OTLP/HTTP
 * failure. `undefined` if the bytes are not such a message.
 *
 * Source: google/rpc/status.proto, google/rpc/error_details.proto.
 */
export function parseRpcStatus(bytes: Uint8Array): RpcStatus | undefined {
  try {
    let message = '';
    let retryDelayMillis: number | undefined;
    for (const { field, bytes: value } of fields(bytes)) {
      if (field === 2) {
        message = text(value, message);
      } else if (field === 3 && value !== undefined) {
        retryDelayMillis = parseRetryInfo(value) ?? retryDelayMillis;
      }
    }
    return { message, retryDelayMillis };
  } catch {
    return undefined;
  }
}

function parseRetryInfo(any: Uint8Array): number | undefined {
  let type = '';
  let value: Uint8Array = new Uint8Array();
  for (const { field, bytes } of fields(any)) {
    type = field === 1 ? text(bytes, type) : type;
    value = field === 2 ? (bytes ?? value) : value;
  }
  if (!type.endsWith('/google.rpc.RetryInfo')) {
    return undefined;
  }
  for (const { field, bytes: duration } of fields(value)) {
    if (field === 1 && duration !== undefined) {
      let millis = 0;
      for (const part of fields(duration)) {
        millis += part.field === 1 ? (part.varint ?? 0) * 1000 : 0;
        millis += part.field === 2 ? (part.varint ?? 0) / 1_000_000 : 0;
      }
      return Math.max(0, millis);
    }
  }
  return undefined;
}
