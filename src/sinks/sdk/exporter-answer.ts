import type { ExportResult } from '@opentelemetry/core';
import type { Answer } from '../otlp/transport/answer.js';
import { grpcAnswer, statusDetailsIn } from '../otlp/transport/grpc-answer.js';
import { httpAnswer } from '../otlp/transport/http-answer.js';

/** `ExportResultCode.SUCCESS` of @opentelemetry/core. */
const SUCCESS = 0;

/** What the official exporters add to an error. */
interface OfficialError extends Error {
  /** A gRPC status, or an HTTP status. */
  readonly code?: unknown;
  /** Of gRPC: the status's message. */
  readonly details?: unknown;
  /** Of gRPC: the trailers. */
  readonly metadata?: { get(name: string): readonly unknown[] };
  /** Of HTTP: the body. */
  readonly data?: unknown;
}

const LAST_GRPC_STATUS = 16;
const FIRST_HTTP_FAILURE = 300;

/**
 * What the result of an SDK's exporter means for the data. The official exporters' gRPC codes and HTTP statuses are
 * understood as those of our own transports. Any other error may pass the next time: a vendor's exporter may mean something
 * else by a number.
 *
 * @param result what the exporter passed to its callback, which may be anything
 */
export function exporterAnswer(result: ExportResult | undefined, nowMillis: number): Answer {
  if (result?.code === SUCCESS) {
    return { kind: 'accepted' };
  }
  const {
    code: status,
    name,
    details,
    metadata,
    data,
    message = '',
  } = (result?.error ?? {}) as Partial<OfficialError>;
  const isOfGrpc = typeof details === 'string' && typeof metadata?.get === 'function';
  if (isOfGrpc && typeof status === 'number' && status > 0 && status <= LAST_GRPC_STATUS) {
    return grpcAnswer({ code: status, details, statusDetails: statusDetailsIn(metadata) });
  }
  if (name === 'OTLPExporterError' && typeof status === 'number' && status >= FIRST_HTTP_FAILURE) {
    const body = Buffer.from(typeof data === 'string' ? data : '');
    return httpAnswer({ status, headers: {}, body }, nowMillis);
  }
  return { kind: 'failed', error: new Error(message || 'the exporter failed without a reason') };
}
