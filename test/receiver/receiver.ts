import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { decodeRequest, encodeResponse, type Point } from './decode.js';

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly bytes: number;
  readonly points: readonly Point[];
  /** Metadata or headers, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly receivedAtMillis: number;
}

/** How a gRPC receiver answers: OK, OK in part, a status, never, with OK once told to, or with any bytes. */
export type GrpcReply =
  | { readonly kind: 'ok'; readonly rejectedDataPoints?: number; readonly errorMessage?: string }
  | {
      readonly kind: 'status';
      readonly code: number;
      readonly details?: string;
      readonly metadata?: Metadata;
    }
  | { readonly kind: 'hang' }
  | { readonly kind: 'late'; readonly answer: Promise<void> }
  | { readonly kind: 'bytes'; readonly bytes: Buffer };

/** How an HTTP receiver answers. */
export type HttpReply = (response: http.ServerResponse, socket: Socket) => void;

/** What every receiver offers. `requests` are those it was sent, `accepted` those it said yes to. */
export interface Receiver {
  readonly port: number;
  readonly requests: readonly ReceivedRequest[];
  readonly accepted: readonly ReceivedRequest[];
  close(): Promise<void>;
}

const EXPORT = {
  path: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  requestStream: false,
  responseStream: false,
  requestDeserialize: (bytes: Buffer) => bytes,
  requestSerialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
} as const;

/** PEMs of a server. With `clientCa` clients need a certificate of that authority: its subject is the header `:client`. */
export interface ServerTls {
  readonly key: string;
  readonly certificate: string;
  readonly clientCa?: string;
}

/** Options of {@link startGrpcReceiver}. */
export interface GrpcReceiverOptions {
  readonly reply?: (request: ReceivedRequest, index: number) => GrpcReply;
  /** Default no TLS. */
  readonly tls?: ServerTls;
  /** Default 0: any. */
  readonly port?: number;
  /** Default that of gRPC: 4 MiB. */
  readonly maxReceiveBytes?: number;
}

/** An OTLP receiver on gRPC's own server, on loopback. */
export async function startGrpcReceiver(options: GrpcReceiverOptions = {}): Promise<Receiver> {
  const { reply = () => ({ kind: 'ok' }), tls, port = 0, maxReceiveBytes } = options;
  const requests: ReceivedRequest[] = [];
  const accepted: ReceivedRequest[] = [];
  const server = new Server(
    maxReceiveBytes === undefined ? {} : { 'grpc.max_receive_message_length': maxReceiveBytes },
  );
  server.addService(
    { export: EXPORT },
    {
      export: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
        const headers = Object.fromEntries(
          Object.entries(call.metadata.getMap()).map(([name, value]) => [name, String(value)]),
        );
        const request = received(call.request, {
          ...headers,
          ':peer': call.getPeer(),
          ':client': String(call.getAuthContext().sslPeerCertificate?.subject.CN ?? ''),
        });
        requests.push(request);
        const answer = reply(request, requests.length - 1);
        if (answer.kind === 'ok') {
          accepted.push(request);
          callback(null, answerBytes(answer));
        } else if (answer.kind === 'bytes') {
          accepted.push(request);
          callback(null, answer.bytes);
        } else if (answer.kind === 'late') {
          void answer.answer.then(() => callback(null, encodeResponse()));
        } else if (answer.kind === 'status') {
          callback(answer as Partial<ServiceError>);
        }
      },
    },
  );
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(
          tls.clientCa === undefined ? null : Buffer.from(tls.clientCa),
          [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.certificate) }],
          tls.clientCa !== undefined,
        );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, actual) =>
      error === null ? resolve(actual) : reject(error),
    );
  });
  return {
    port: bound,
    requests,
    accepted,
    close: async () => server.forceShutdown(),
  };
}

function answerBytes({ rejectedDataPoints = 0, errorMessage = '' }: GrpcReply & { kind: 'ok' }): Buffer {
  return rejectedDataPoints > 0 || errorMessage !== ''
    ? encodeResponse({ rejectedDataPoints, errorMessage })
    : encodeResponse();
}

/** Options of {@link startHttpReceiver}. */
export interface HttpReceiverOptions {
  readonly reply?: (request: ReceivedRequest, index: number) => HttpReply;
  /** Default no TLS. */
  readonly tls?: ServerTls;
  readonly port?: number;
}

/** An OTLP receiver on Node's HTTP server, on loopback. A reply of `ok()` or any 2xx counts as accepted. */
export async function startHttpReceiver(
  options: HttpReceiverOptions = {},
): Promise<Receiver & { url: string }> {
  const { reply = () => ok(), tls, port = 0 } = options;
  const requests: ReceivedRequest[] = [];
  const accepted: ReceivedRequest[] = [];
  const listener: http.RequestListener = (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => {});
    incoming.on('end', () => {
      const headers = Object.fromEntries(
        Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
      );
      const body = Buffer.concat(chunks);
      const request = received(incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body, {
        ...headers,
        ':path': incoming.url ?? '',
        ':client': tls?.clientCa === undefined ? '' : subjectOf(incoming.socket as TLSSocket),
        ':bytes': String(body.length),
      });
      requests.push(request);
      reply(request, requests.length - 1)(response, incoming.socket);
      if (response.headersSent && response.statusCode < 300) {
        accepted.push(request);
      }
    });
  };
  const server =
    tls === undefined
      ? http.createServer(listener)
      : https.createServer(
          {
            key: tls.key,
            cert: tls.certificate,
            ...(tls.clientCa === undefined
              ? {}
              : { requestCert: true, rejectUnauthorized: true, ca: tls.clientCa }),
          },
          listener,
        );
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const bound = (server.address() as AddressInfo).port;
  return {
    port: bound,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${bound}/v1/metrics`,
    requests,
    accepted,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const subjectOf = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject?.CN ?? '');

/** A reply of 200 with a protobuf body. */
export function ok(partial?: { rejectedDataPoints: number; errorMessage: string }): HttpReply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/x-protobuf' });
    response.end(encodeResponse(partial));
  };
}

/** A reply of any status. */
export function status(
  code: number,
  body: string | Buffer = '',
  headers: http.OutgoingHttpHeaders = {},
): HttpReply {
  return (response) => {
    response.writeHead(code, { 'content-type': 'text/plain', ...headers });
    response.end(body);
  };
}

function received(body: Buffer, headers: Record<string, string>): ReceivedRequest {
  let points: readonly Point[] | undefined;
  return {
    bytes: body.length,
    headers,
    receivedAtMillis: Date.now(),
    // Decoded for those who ask: that takes far longer than all the rest.
    get points() {
      points ??= decodeRequest(body);
      return points;
    },
  };
}
