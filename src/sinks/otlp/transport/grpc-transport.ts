import * as tls from 'node:tls';
import {
  type ChannelCredentials,
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { Observable } from 'rxjs';
import type { Answer } from './answer.js';
import { grpcAccepted, grpcAnswer } from './grpc-answer.js';
import { type TrackedSockets, trackSockets } from './tracked-sockets.js';
import type { Transport, TransportOptions } from './transport.js';

/** Source: opentelemetry/proto/collector/metrics/v1/metrics_service.proto */
const EXPORT_METHOD = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';

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
  readonly #metadata = new Metadata();
  #client: Client | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#credentials =
      options.endpoint.protocol === 'https:'
        ? credentials.createSsl(rootCertificates(options.caCertificate))
        : credentials.createInsecure();
    this.#sockets = trackSockets(this.#credentials);
    for (const [name, value] of Object.entries(options.headers)) {
      this.#metadata.set(name, value);
    }
  }

  send(request: Uint8Array): Observable<Answer> {
    return new Observable((subscriber) => {
      this.#client ??= this.#connect();
      let answered = false;
      const call = this.#client.makeUnaryRequest(
        EXPORT_METHOD,
        asIs,
        asIs,
        request as Buffer,
        this.#metadata,
        {},
        (error: ServiceError | null, response?: Buffer) => {
          // The callback of a cancelled call comes after the next call, which has another client, has begun.
          if (subscriber.closed) {
            return;
          }
          answered = true;
          const answer = error === null ? grpcAccepted(response ?? Buffer.alloc(0)) : answerTo(error);
          if (answer.kind === 'failed') {
            this.#abandon();
          }
          subscriber.next(answer);
          subscriber.complete();
        },
      );
      return () => {
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
  }

  /** Closes a connection that may be half open or stuck, without waiting. */
  #abandon(): void {
    this.close();
    this.#sockets.destroy();
  }

  #connect(): Client {
    const { endpoint, compression, userAgent } = this.#options;
    const port = endpoint.port === '' ? (endpoint.protocol === 'https:' ? '443' : '80') : endpoint.port;
    return new Client(`dns:///${endpoint.hostname}:${port}`, this.#credentials, {
      'grpc.default_compression_algorithm':
        compression === 'gzip' ? compressionAlgorithms.gzip : compressionAlgorithms.identity,
      'grpc.primary_user_agent': userAgent,
      // Not shared with an earlier client, whose connection may be half open.
      'grpc.use_local_subchannel_pool': 1,
    });
  }
}

function answerTo({ code, details, metadata }: ServiceError): Answer {
  const [statusDetails] = metadata?.get('grpc-status-details-bin') ?? [];
  return grpcAnswer({
    code,
    details,
    statusDetails: Buffer.isBuffer(statusDetails) ? statusDetails : undefined,
  });
}

/** The public roots and one more. null means the public roots alone. */
function rootCertificates(caCertificate: string | undefined): Buffer | null {
  if (caCertificate === undefined) {
    return null;
  }
  const getCaCertificates = (tls as { getCACertificates?: (type: 'default') => string[] }).getCACertificates;
  const roots = getCaCertificates?.('default') ?? tls.rootCertificates;
  return Buffer.from([...roots, caCertificate].join('\n'));
}
