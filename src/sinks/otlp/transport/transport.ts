import type { Observable } from 'rxjs';
import type { Answer } from './answer.js';

/** Carries requests to a receiver. */
export interface Transport {
  /**
   * Makes one attempt. Emits one answer and completes. Does not fail. Unsubscribing cancels the request and closes its
   * connection, so that the next request opens a new one.
   *
   * @param request a serialised ExportMetricsServiceRequest
   */
  send(request: Uint8Array): Observable<Answer>;

  /** Closes all connections. */
  close(): void;
}

/** What a transport needs to know. */
export interface TransportOptions {
  readonly endpoint: URL;
  /** Sent with every request. Secrets: they must not appear in errors. */
  readonly headers: Readonly<Record<string, string>>;
  /** gRPC only. */
  readonly compression: 'none' | 'gzip';
  /** PEM, trusted on top of the public roots. gRPC only. */
  readonly caCertificate: string | undefined;
  /** Name and version of this program, for the receiver's logs. */
  readonly userAgent: string;
}
