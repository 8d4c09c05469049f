import { type Answer, beginning } from './answer.js';
import { parsePartialSuccess, parseRpcStatus } from './messages.js';

/** gRPC status codes, by number. Source: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const GRPC_STATUS = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const OUT_OF_RANGE = 11;

/**
 * The most bytes of an answer that the client reads. The library reports a longer answer with the status of a server that
 * refuses a request for its size, and names this number: it is none that anybody else would choose.
 */
export const MAX_ANSWER_BYTES = 1_048_583;

/** A call that did not end with OK. */
export interface GrpcFailure {
  /** The status code, 1 to 16. */
  readonly code: number;
  /** The status message. */
  readonly details: string;
  /** The trailer `grpc-status-details-bin`: a serialised google.rpc.Status. */
  readonly statusDetails?: Uint8Array | undefined;
}

/** The status details among the trailers, as the gRPC library has them. */
export function statusDetailsIn(
  metadata: { get(name: string): readonly unknown[] } | undefined,
): Uint8Array | undefined {
  const [details] = metadata?.get('grpc-status-details-bin') ?? [];
  return Buffer.isBuffer(details) ? details : undefined;
}

/** What an OK with this response message means. */
export function grpcAccepted(response: Uint8Array): Answer {
  const partial = parsePartialSuccess(response);
  return partial === undefined ? { kind: 'accepted' } : { kind: 'accepted', partial };
}

/** What a failed call means. */
export function grpcAnswer(failure: GrpcFailure): Answer {
  const name = GRPC_STATUS[failure.code] ?? `code ${failure.code}`;
  // grpc-js ends each message with a note, also an empty one, and puts the time into some, so that no two are equal.
  const details = beginning(failure.details)
    .replace(/ ?Resolution note: ?$/u, '')
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/gu, '');
  if (details.includes(`${MAX_ANSWER_BYTES}`)) {
    return { kind: 'failed', error: new Error(`the answer is not an OTLP response: ${details}`) };
  }
  const error = new Error(details === '' ? `gRPC ${name}` : `gRPC ${name}: ${details}`);
  if (failure.code === INVALID_ARGUMENT) {
    return { kind: 'bad-data', error };
  }
  const retryAfterMillis =
    failure.statusDetails === undefined ? undefined : parseRpcStatus(failure.statusDetails)?.retryDelayMillis;
  if (retryAfterMillis === undefined && isSizeRefusal(failure.code, details)) {
    const limitBytes = statedLimit(details);
    return limitBytes === undefined ? { kind: 'too-large', error } : { kind: 'too-large', error, limitBytes };
  }
  return retryAfterMillis === undefined
    ? { kind: 'failed', error }
    : { kind: 'failed', error, retryAfterMillis };
}

/**
 * Whether a refusal is for the size of the message. Rate limits and quotas answer RESOURCE_EXHAUSTED too, so the message
 * decides. The messages of the servers in use: Go, Node and C++ `received message larger than max (5000000 vs.
 * 4194304)`, Java `gRPC message exceeds maximum size 4194304: 5000000`, C++ also `Message length limit exceeded`, and
 * tonic, with OUT_OF_RANGE, `decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes`.
 */
function isSizeRefusal(code: number, details: string): boolean {
  return (
    (code === RESOURCE_EXHAUSTED || code === OUT_OF_RANGE) &&
    !/\b(rate|quota|per (second|minute|hour|day))\b/iu.test(details) &&
    /larger than max|exceeds maximum size|(message|request|body|payload|entity)( \w+)?( is)? too (large|big)|message length limit exceeded/iu.test(
      details,
    )
  );
}

function statedLimit(details: string): number | undefined {
  const match =
    /vs\.? (\d+)\)/u.exec(details) ??
    /maximum size (\d+)/u.exec(details) ??
    /limit is:? (\d+)/u.exec(details);
  const limit = Number(match?.[1]);
  return limit > 0 ? limit : undefined;
}
