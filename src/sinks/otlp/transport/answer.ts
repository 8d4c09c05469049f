import type { PartialSuccess } from '../../../streams/exporter.js';

/**
 * What a receiver's answer to one request, or the lack of one, means for the data:
 *
 * - `accepted`: it has the request, except for what `partial` says.
 * - `bad-data`: it refuses this data and always will.
 * - `too-large`: it refuses a request of this size. `limitBytes` is its limit, if it said so.
 * - `failed`: anything else. The same request may pass later.
 */
export type Answer =
  | { readonly kind: 'accepted'; readonly partial?: PartialSuccess }
  | { readonly kind: 'bad-data'; readonly error: Error }
  | { readonly kind: 'too-large'; readonly error: Error; readonly limitBytes?: number }
  | { readonly kind: 'failed'; readonly error: Error; readonly retryAfterMillis?: number };

/** The most characters of a receiver's message that are passed on. */
const MAX_WORDS = 300;

/**
 * A receiver's message on one line, no longer than a log line should be. Secrets are replaced first: a secret that was
 * cut or reflowed would not be found.
 */
function words(text: string, redact: (text: string) => string): string {
  const line = redact(text).replace(/\s+/gu, ' ').trim();
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}...` : line;
}

/** An answer whose messages are fit for a log. */
export function presentable(answer: Answer, redact: (text: string) => string): Answer {
  if (answer.kind !== 'accepted') {
    return { ...answer, error: new Error(words(answer.error.message, redact)) };
  }
  return answer.partial === undefined
    ? answer
    : { ...answer, partial: { ...answer.partial, message: words(answer.partial.message, redact) } };
}
