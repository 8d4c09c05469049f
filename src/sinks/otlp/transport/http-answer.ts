import { STATUS_CODES } from 'node:http';
import type { PartialSuccess } from '../../../streams/exporter.js';
import { type Answer, beginning } from './answer.js';
import { parsePartialSuccess, parseRpcStatus } from './messages.js';
import { WANTS_CERTIFICATE, WANTS_TLS } from './refused-connection.js';

/** What an OTLP/HTTP receiver answered. */
export interface HttpResponse {
  readonly status: number;
  /** Header values by lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As much of it as was read. */
  readonly body: Uint8Array;
}

/**
 * What a response means. Source: "OTLP/HTTP Response" of the OpenTelemetry Protocol Specification, and RFC 9110 for
 * Retry-After.
 *
 * @param nowMillis Unix ms, which a Retry-After with a date counts from
 */
export function httpAnswer(response: HttpResponse, nowMillis: number): Answer {
  const { status } = response;
  if (status >= 200 && status <= 299) {
    const partial = foreignAcceptance(response) ?? parsePartialSuccess(response.body);
    return partial === undefined ? { kind: 'accepted' } : { kind: 'accepted', partial };
  }
  const error = new Error(describe(response));
  if ((status === 400 && !isForConnection(error)) || status === 422) {
    return { kind: 'bad-data', error };
  }
  if (status === 413) {
    return { kind: 'too-large', error };
  }
  const retryAfterMillis = parseRetryAfter(header(response, 'retry-after'), nowMillis);
  return retryAfterMillis === undefined
    ? { kind: 'failed', error }
    : { kind: 'failed', error, retryAfterMillis };
}

/**
 * Whether a server refuses the connection, not the data, of which it has read nothing. Such words come with the status 400
 * from net/http of Go, nginx and Apache.
 */
const isForConnection = ({ message }: Error): boolean =>
  WANTS_TLS.test(message) || WANTS_CERTIFICATE.test(message);

/**
 * Milliseconds that a Retry-After asks for: it holds seconds or a date; a date gone by means 0. `undefined` for
 * anything else.
 */
export function parseRetryAfter(value: string | undefined, nowMillis: number): number | undefined {
  if (value === undefined) {
    return undefined;
  }
  const text = beginning(value).trim();
  if (/^\d+$/u.test(text)) {
    return Number(text) * 1000;
  }
  // Date.parse takes far more than HTTP dates ("5", "a 5"); all HTTP dates begin with the name of a day.
  const date = /^(mon|tue|wed|thu|fri|sat|sun)/iu.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMillis);
}

/** A page where a receiver's answer should be: a login page, or a web server's welcome. */
function foreignAcceptance(response: HttpResponse): PartialSuccess | undefined {
  const type = header(response, 'content-type') ?? '';
  if (!/^text\/html\b/iu.test(type)) {
    return undefined;
  }
  const said = Buffer.from(response.body).toString('utf8');
  return {
    rejectedPoints: 0,
    message: `HTTP ${response.status} with a page (${type}) instead of an OTLP answer, so the data is most likely lost: is the endpoint right? ${said}`,
  };
}

function header({ headers }: HttpResponse, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

function describe(response: HttpResponse): string {
  const { status } = response;
  const reason = STATUS_CODES[status];
  const line = reason === undefined ? `HTTP ${status}` : `HTTP ${status} ${reason}`;
  const location = status >= 300 && status <= 399 ? header(response, 'location') : undefined;
  if (location !== undefined) {
    return `${line}: the endpoint redirects to ${location}; redirects are not followed`;
  }
  const said = receiversWords(response);
  return said === '' ? line : `${line}: ${said}`;
}

function receiversWords(response: HttpResponse): string {
  const type = header(response, 'content-type') ?? '';
  if (type.includes('protobuf')) {
    return parseRpcStatus(response.body)?.message ?? '';
  }
  const body = Buffer.from(response.body).toString('utf8');
  if (type.includes('json')) {
    try {
      const message = (JSON.parse(body) as { message?: unknown }).message;
      return typeof message === 'string' ? message : body;
    } catch {
      return body;
    }
  }
  return body;
}
