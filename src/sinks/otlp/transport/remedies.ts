import type { OtlpProtocol } from './endpoint.js';
import { WANTS_CERTIFICATE, WANTS_TLS } from './refused-connection.js';

/** A kind of failure that has a usual cause. docs/troubleshooting.md has the same table. */
export interface Remedy {
  /**
   * Where the failure shows: in what the system says of a connection, or in the status of an answer. The message of a
   * backend is not matched, because it may be about anything.
   */
  readonly of: 'connection' | 'status';
  readonly pattern: RegExp;
  /** Only for this protocol. Default: both. */
  readonly protocol?: OtlpProtocol;
  /** What it usually means, and which flag or variable to look at. */
  readonly advice: string;
}

const UNKNOWN_AUTHORITY =
  /unable to verify the first certificate|self[- ]signed certificate|unable to get (local )?issuer/u;

/** The first that matches counts. */
export const REMEDIES: readonly Remedy[] = [
  {
    of: 'connection',
    pattern: /the proxy (refuses|does not open) the tunnel/u,
    advice:
      'look at HTTPS_PROXY or HTTP_PROXY (user, password) and at the ports that the proxy allows; NO_PROXY goes around it',
  },
  {
    of: 'connection',
    pattern: /ENOTFOUND|EAI_AGAIN|Name resolution failed/u,
    advice: 'the host name does not resolve: look at --endpoint, and at the name server of this host',
  },
  {
    of: 'connection',
    pattern: /ECONNREFUSED/u,
    advice:
      'nothing listens there: is the backend running? Look at the port in --endpoint (usually 4317 for gRPC, 4318 for HTTP)',
  },
  {
    of: 'connection',
    pattern: /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|^no answer within/u,
    advice:
      'no answer comes: a firewall may drop the packets, the name server may be silent, or the backend is overloaded; look at host and port in --endpoint',
  },
  {
    of: 'connection',
    pattern: /wrong version number/u,
    advice: 'TLS was spoken to a port without TLS: use http:// in --endpoint, or the TLS port',
  },
  {
    of: 'connection',
    pattern: /no application protocol/u,
    advice:
      'the port does not speak HTTP/2, which gRPC needs: use --protocol=http, or the gRPC port (usually 4317)',
  },
  {
    of: 'connection',
    pattern: /certificate required|bad certificate|handshake failure/u,
    advice: 'the backend wants a client certificate: give --client-cert and --client-key',
  },
  {
    of: 'connection',
    pattern: UNKNOWN_AUTHORITY,
    protocol: 'grpc',
    advice: 'the backend has a certificate of an unknown authority: name its CA with --ca-cert',
  },
  {
    of: 'connection',
    pattern: UNKNOWN_AUTHORITY,
    protocol: 'http',
    advice:
      'the backend has a certificate of an unknown authority: name its CA in OTEL_EXPORTER_OTLP_CERTIFICATE',
  },
  {
    of: 'connection',
    pattern: /certificate has expired|certificate is not yet valid/u,
    advice: "the backend's certificate is out of date: renew it there, or look at the clock of this host",
  },
  {
    of: 'connection',
    pattern: /altnames|ALTNAME_INVALID/u,
    advice: "the backend's certificate is for another name: use that name in --endpoint",
  },
  {
    of: 'connection',
    pattern: /Protocol error/u,
    protocol: 'grpc',
    advice: 'the port speaks HTTP/1, not gRPC: use the gRPC port (usually 4317), or --protocol=http',
  },
  {
    of: 'connection',
    pattern: /^Parse Error/u,
    protocol: 'http',
    advice: 'the port does not speak HTTP/1: use the HTTP port (usually 4318), or --protocol=grpc',
  },
  {
    of: 'connection',
    pattern:
      /Failed to connect|socket hang up|ECONNRESET|EPIPE|Connection dropped|socket disconnected before/u,
    advice:
      'the connection was closed without an answer: the port may want TLS (https:// in --endpoint), or another --protocol',
  },
  {
    of: 'status',
    pattern: WANTS_TLS,
    protocol: 'http',
    advice: 'the port wants TLS: use https:// in --endpoint',
  },
  {
    of: 'status',
    pattern: WANTS_CERTIFICATE,
    protocol: 'http',
    advice: 'the backend wants a client certificate that it trusts: look at --client-cert and --client-key',
  },
  {
    of: 'status',
    pattern: /^HTTP 401\b|^gRPC UNAUTHENTICATED\b/u,
    advice:
      'the backend does not know you: look at --header and OTEL_EXPORTER_OTLP_HEADERS (name, scheme, base64 of Authorization)',
  },
  {
    of: 'status',
    pattern: /^HTTP 403\b|^gRPC PERMISSION_DENIED\b/u,
    advice: 'the backend knows you and refuses: look at the rights of the key in --header, and at the tenant',
  },
  {
    of: 'status',
    pattern: /^HTTP 404\b/u,
    protocol: 'http',
    advice:
      'there is no such path: the URL in --endpoint is used as given, and most receivers want /v1/metrics',
  },
  {
    of: 'status',
    pattern: /^HTTP 404\b|^gRPC UNIMPLEMENTED\b/u,
    protocol: 'grpc',
    advice:
      'no OTLP metrics service over gRPC there: look at the port in --endpoint (usually 4317), and at --protocol',
  },
  {
    of: 'status',
    pattern: /^HTTP 405\b/u,
    advice: 'the URL does not take POST: look at the path in --endpoint (usually /v1/metrics)',
  },
  {
    of: 'status',
    pattern: /^HTTP 407\b/u,
    advice: 'the proxy wants other credentials: look at the user and the password in HTTP_PROXY',
  },
  {
    of: 'status',
    pattern: /^HTTP 415\b/u,
    advice: 'the backend does not take OTLP in protobuf at this URL: look at --endpoint and --protocol',
  },
  {
    of: 'status',
    pattern: /^gRPC RESOURCE_EXHAUSTED\b|^HTTP 429\b/u,
    advice:
      'the backend limits what it takes: look at its quota or rate limit; a longer --flush-interval makes fewer requests',
  },
  {
    of: 'status',
    pattern: /^gRPC DEADLINE_EXCEEDED\b/u,
    advice: 'the backend, or what is behind it, took too long: is it overloaded? Look at --export-timeout',
  },
  {
    of: 'status',
    pattern: /^HTTP 3\d\d\b/u,
    advice: 'use the URL that it redirects to in --endpoint',
  },
  {
    of: 'status',
    pattern: /^(HTTP \d+, |an answer of the type )[^:]*which is not gRPC/u,
    advice:
      'what answers is not an OTLP receiver over gRPC: look at --endpoint, --protocol, and at proxies between',
  },
];

/** How a failure begins that an answer has caused, in the words of `grpcAnswer`, `httpAnswer` and `foreign-answer`. */
const ANSWER = /^(HTTP \d|gRPC |an answer of the type )/u;

/** How the gRPC library speaks of a connection. */
const GRPC_CONNECTION =
  /^gRPC UNAVAILABLE: (No connection established|Name resolution failed|Connection dropped|(read|write) E)/u;

/** What a failure usually means; `undefined` if it is none of the known kinds. */
export function remedyFor(message: string, protocol: OtlpProtocol): string | undefined {
  const of = ANSWER.test(message) && !GRPC_CONNECTION.test(message) ? 'status' : 'connection';
  return REMEDIES.find(
    (remedy) =>
      remedy.of === of && (remedy.protocol ?? protocol) === protocol && remedy.pattern.test(message),
  )?.advice;
}
