import type { PartialSuccess } from '../../../streams/exporter.js';

/**
 * What a receiver's answer to one request, or the lack of one, means for the data:
 *
 * - `accepted`: it has the request, except for what `partial` says.
 * - `bad-data`: it refuses this data and always will.
 * - `too-large`: it refuses a request of this size. `limitBytes` is its limit, if it said so.
 * - `failed`: anything else. The same request may pass later. `wasReset` means that a connection that had been used
 *   before broke before any answer came: a middlebox may have forgotten it.
 */
export type Answer =
  | { readonly kind: 'accepted'; readonly partial?: PartialSuccess }
  | { readonly kind: 'bad-data'; readonly error: Error }
  | { readonly kind: 'too-large'; readonly error: Error; readonly limitBytes?: number }
  | FailedAnswer;

/** See {@link Answer}. */
export interface FailedAnswer {
  readonly kind: 'failed';
  readonly error: Error;
  readonly retryAfterMillis?: number;
  readonly wasReset?: boolean;
}

/** The most characters of a text from outside that are looked at: matching more would take a receiver's time of ours. */
const MAX_TEXT = 4_096;

/** What an answer means, as `interpret` says. One that makes it fail is a failure, for nothing from outside may end the program. */
export function readable(interpret: () => Answer): Answer {
  try {
    return interpret();
  } catch (error) {
    return { kind: 'failed', error: new Error(`the answer cannot be read: ${(error as Error).message}`) };
  }
}

/** The beginning of a text from outside. Cut a text before it is matched. */
export function beginning(text: string): string {
  return text.slice(0, MAX_TEXT);
}

/** The most characters of a receiver's message that are passed on. */
const MAX_WORDS = 300;

/**
 * A receiver's message on one line, no longer than a log line should be. Secrets are replaced first: a secret that was
 * cut or reflowed would not be found.
 */
export function words(text: string, redact: (text: string) => string): string {
  const line = redact(beginning(text)).replace(/\s+/gu, ' ').trim();
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}...` : line;
}
