import type { Observable } from 'rxjs';
import type { Answer } from './answer.js';
import type { Credentials } from './credentials.js';

/** Carries requests to a receiver. */
export interface Transport<Request = Uint8Array> {
  /**
   * Makes one attempt. Emits one answer and completes. Does not fail. Unsubscribing cancels the request and closes its
   * connection, so that the next request opens a new one.
   *
   * @param request by default a serialised ExportMetricsServiceRequest
   */
  send(request: Request): Observable<Answer>;

  /** Closes all connections. A promise that it returns is waited for, as far as there is time. */
  close(): unknown;
}

/** What stays the same as long as a sink runs. */
export interface TransportSettings {
  readonly endpoint: URL;
  readonly compression: 'none' | 'gzip';
  /** The proxy to go through; `undefined` for none. May hold a password. */
  readonly proxy: URL | undefined;
  /** Name and version of this program, for the receiver's logs. */
  readonly userAgent: string;
}

/** What a transport needs to know. */
export interface TransportOptions extends TransportSettings, Credentials {}
