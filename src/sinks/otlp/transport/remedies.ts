import type { OtlpProtocol } from './endpoint.js';

/** A kind of failure that has a usual cause. docs/troubleshooting.md has the same table. */
export interface Remedy {
  /** Matches the message of the failure. */
  readonly pattern: RegExp;
  /** Only for this protocol. Default: both. */
  readonly protocol?: OtlpProtocol;
  /** What it usually means, and which flag or variable to look at. */
  readonly advice: string;
}

/** The first that matches counts. */
export const REMEDIES: readonly Remedy[] = [
  {
    pattern: /ENOTFOUND|EAI_AGAIN|Name resolution failed/u,
    advice: 'the host name does not resolve: look at --endpoint, and at the name server of this host',
  },
  {
    pattern: /ECONNREFUSED/u,
    advice:
      'nothing listens there: is the backend running? Look at the port in --endpoint (usually 4317 for gRPC, 4318 for HTTP)',
  },
  {
    pattern: /wrong version number/u,
    advice: 'TLS was spoken to a port without TLS: use http:// in --endpoint, or the TLS port',
  },
  {
    pattern: /no application protocol/u,
    advice:
      'the port does not speak HTTP/2, which gRPC needs: use --protocol=http, or the gRPC port (usually 4317)',
  },
  {
    pattern: /certificate required|bad certificate|handshake failure/u,
    advice: 'the backend wants a client certificate',
  },
  {
    pattern:
      /unable to verify the first certificate|self[- ]signed certificate|unable to get (local )?issuer/u,
    protocol: 'grpc',
    advice: 'the backend has a certificate of an unknown authority: name its CA with --ca-cert',
  },
  {
    pattern:
      /unable to verify the first certificate|self[- ]signed certificate|unable to get (local )?issuer/u,
    protocol: 'http',
    advice: 'the backend has a certificate of an unknown authority: name its CA in NODE_EXTRA_CA_CERTS',
  },
  {
    pattern: /certificate has expired|certificate is not yet valid/u,
    advice: "the backend's certificate is out of date: renew it there, or look at the clock of this host",
  },
  {
    pattern: /altnames|ALTNAME_INVALID/u,
    advice: "the backend's certificate is for another name: use that name in --endpoint",
  },
  {
    pattern: /\b401\b|UNAUTHENTICATED/u,
    advice:
      'the backend does not know you: look at --header and OTEL_EXPORTER_OTLP_HEADERS (name, scheme, base64 of Authorization)',
  },
  {
    pattern: /\b403\b|PERMISSION_DENIED/u,
    advice: 'the backend knows you and refuses: look at the rights of the key in --header, and at the tenant',
  },
  {
    pattern: /HTTP 404|status code 404|UNIMPLEMENTED/u,
    protocol: 'http',
    advice:
      'there is no such path: the URL in --endpoint is used as given, and most receivers want /v1/metrics',
  },
  {
    pattern: /HTTP 404|status code 404|UNIMPLEMENTED/u,
    protocol: 'grpc',
    advice:
      'no OTLP metrics service over gRPC there: look at the port in --endpoint (usually 4317), and at --protocol',
  },
  {
    pattern: /HTTP 405|status code 405/u,
    advice: 'the URL does not take POST: look at the path in --endpoint (usually /v1/metrics)',
  },
  {
    pattern: /HTTP 415|status code 415/u,
    advice: 'the backend does not take OTLP in protobuf at this URL: look at --endpoint and --protocol',
  },
  {
    pattern: /RESOURCE_EXHAUSTED|HTTP 429|status code 429/u,
    advice:
      'the backend limits what it takes: look at its quota or rate limit; a longer --flush-interval makes fewer requests',
  },
  {
    pattern: /redirects to/u,
    advice: 'use the URL that it redirects to in --endpoint',
  },
  {
    pattern: /not gRPC/u,
    advice:
      'what answers is not an OTLP receiver over gRPC: look at --endpoint, --protocol, and at proxies between',
  },
  {
    pattern: /Protocol error/u,
    protocol: 'grpc',
    advice: 'the port speaks HTTP/1, not gRPC: use the gRPC port (usually 4317), or --protocol=http',
  },
  {
    pattern: /Parse Error/u,
    protocol: 'http',
    advice: 'the port does not speak HTTP/1: use the HTTP port (usually 4318), or --protocol=grpc',
  },
  {
    pattern: /Failed to connect|socket hang up|ECONNRESET|Connection dropped/u,
    advice:
      'the connection was closed without an answer: the port may want TLS (https:// in --endpoint), or another --protocol',
  },
];

/** What a failure usually means; `undefined` if it is none of the known kinds. */
export function remedyFor(message: string, protocol: OtlpProtocol): string | undefined {
  return REMEDIES.find((remedy) => (remedy.protocol ?? protocol) === protocol && remedy.pattern.test(message))
    ?.advice;
}
