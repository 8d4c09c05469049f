import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  compressionAlgorithms,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { concatMap, map, Observable, of } from 'rxjs';
import { type Answer, readable } from './answer.js';
import { describeForeignAnswer } from './foreign-answer.js';
import { grpcAccepted, grpcAnswer, MAX_ANSWER_BYTES, statusDetailsIn } from './grpc-answer.js';
import { channelCredentials, metadataOf } from './grpc-call.js';
import { hostOf, portOf } from './proxy.js';
import { type TrackedSockets, trackSockets } from './tracked-sockets.js';
import type { Transport, TransportOptions } from './transport.js';
import { openTunnel } from './tunnel.js';

/** Source: opentelemetry/proto/collector/metrics/v1/metrics_service.proto */
const EXPORT_METHOD = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';

/**
 * The most bytes that may arrive during a call. The library bounds the message, but not what comes around it, such as
 * informational answers without end.
 */
const MAX_FLOOD_BYTES = 2 * MAX_ANSWER_BYTES;

/** A flood on loopback brings some 2 MiB a millisecond. */
const FLOOD_CHECK_MILLIS = 25;

const asIs = (bytes: Buffer): Buffer => bytes;

/**
 * OTLP over gRPC. A client, and with it its connection, is kept as long as its calls succeed or their data is refused.
 * After a call that failed or was cancelled the next call gets a new client. Otherwise the old client, which reconnects
 * at its own pace, would fail the call without trying.
 */
export class GrpcTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #credentials: ChannelCredentials;
  readonly #sockets: TrackedSockets;
  readonly #metadata: Metadata;
  #client: Client | undefined;
  /** Whether the connection was used before: a call on it got an answer. */
  #hasAnswered = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#credentials = channelCredentials(options);
    this.#metadata = metadataOf(options.headers);
    const { proxy, endpoint } = options;
    this.#sockets = trackSockets(this.#credentials, async (socket) =>
      proxy === undefined ? undefined : openTunnel(socket, proxy, endpoint),
    );
  }

  send(request: Uint8Array): Observable<Answer> {
    return this.#call(request).pipe(
      concatMap(({ answer, contentType }) =>
        contentType !== undefined && !isGrpc(contentType)
          ? describeForeignAnswer(this.#options, EXPORT_METHOD, contentType).pipe(
              map((description): Answer => ({ kind: 'failed', error: new Error(description) })),
            )
          : of(answer),
      ),
    );
  }

  /** One call. Emits its answer, and the content type of the response if there was one. */
  #call(request: Uint8Array): Observable<{ readonly answer: Answer; readonly contentType?: string }> {
    return new Observable((subscriber) => {
      this.#client ??= this.#connect();
      const wasUsed = this.#hasAnswered;
      let contentType: string | undefined;
      let answered = false;
      const before = this.#sockets.bytesRead();
      const call = this.#client.makeUnaryRequest(
        EXPORT_METHOD,
        asIs,
        asIs,
        Buffer.from(request.buffer, request.byteOffset, request.byteLength),
        this.#metadata,
        {},
        (error: ServiceError | null, response?: Buffer) => {
          // The callback of a cancelled call comes after the next call, which has another client, has begun.
          if (subscriber.closed) {
            return;
          }
          answered = true;
          const answer = readable(() =>
            error === null
              ? grpcAccepted(response ?? Buffer.alloc(0))
              : answerTo(error, wasUsed && contentType === undefined),
          );
          if (answer.kind === 'failed') {
            this.#abandon();
          } else {
            this.#hasAnswered = true;
          }
          subscriber.next({ answer, ...(contentType === undefined ? {} : { contentType }) });
          subscriber.complete();
        },
      );
      call.on('metadata', (headers) => {
        contentType = String(headers.get('content-type')[0] ?? '');
      });
      const flood = setInterval(() => {
        if (this.#sockets.bytesRead() - before > MAX_FLOOD_BYTES) {
          subscriber.next({ answer: { kind: 'failed', error: new Error('an answer without end') } });
          subscriber.complete();
        }
      }, FLOOD_CHECK_MILLIS);
      return () => {
        clearInterval(flood);
        if (!answered) {
          call.cancel();
          this.#abandon();
        }
      };
    });
  }

  close(): void {
    this.#client?.close();
    this.#client = undefined;
    this.#hasAnswered = false;
  }

  /** Closes a connection that may be half open or stuck, without waiting. */
  #abandon(): void {
    this.close();
    this.#sockets.destroy();
  }

  #connect(): Client {
    const { endpoint, compression, userAgent, proxy } = this.#options;
    return new Client(`dns:///${authorityOf(proxy ?? endpoint)}`, this.#credentials, {
      ...throughProxy(proxy, endpoint),
      'grpc.default_compression_algorithm':
        compression === 'gzip' ? compressionAlgorithms.gzip : compressionAlgorithms.identity,
      'grpc.primary_user_agent': userAgent,
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
      // Not shared with an earlier client, whose connection may be half open.
      'grpc.use_local_subchannel_pool': 1,
    });
  }
}

function answerTo({ code, details, metadata }: ServiceError, wasUsed: boolean): Answer {
  // The library passes on an error without a status where a message is compressed in a way that its headers do not name.
  if (typeof details !== 'string') {
    return {
      kind: 'failed',
      error: new Error('the answer cannot be read: it is compressed, and does not say how'),
    };
  }
  const answer = grpcAnswer({ code, details, statusDetails: statusDetailsIn(metadata) });
  return answer.kind === 'failed' && wasUsed && RESET.test(details) ? { ...answer, wasReset: true } : answer;
}

/** What the gRPC library says of a connection that broke. */
const RESET = /^(Connection dropped|(read|write) (ECONNRESET|EPIPE))/u;

/** An answer without a content type may be anything, and its status counts. */
const isGrpc = (contentType: string): boolean =>
  contentType === '' || contentType.startsWith('application/grpc');

const authorityOf = (url: URL): string => `${url.hostname}:${portOf(url)}`;

/**
 * The library's own way through a proxy is not used. It looks for one in lower case only, takes HTTPS_PROXY for endpoints
 * without TLS too, sends loopback to the proxy, and never closes a connection that the proxy does not answer.
 */
function throughProxy(proxy: URL | undefined, endpoint: URL): ChannelOptions {
  return {
    'grpc.enable_http_proxy': 0,
    ...(proxy === undefined
      ? {}
      : { 'grpc.default_authority': endpoint.host, 'grpc.ssl_target_name_override': hostOf(endpoint) }),
  };
}
