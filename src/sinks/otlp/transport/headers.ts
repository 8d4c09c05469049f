/** Headers that the protocol itself sets. Users may not set them. */
const RESERVED = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The most characters of a bad name that are shown, unless it is well known: it may be the value, put there by mistake. */
const MOST_SHOWN = 4;

/** No binary header in use has a longer name. */
const LONGEST_BIN = 24;

const WELL_KNOWN = new Set(['authorization', 'api-key', 'x-api-key', 'x-scope-orgid', 'proxy-authorization']);

const shown = (name: string): string => (WELL_KNOWN.has(name) ? name : name.slice(0, MOST_SHOWN));

/**
 * Checks a header for use with both protocols.
 *
 * @returns what is wrong with it, never repeating its value; `undefined` if nothing is
 */
export function headerProblem(name: string, value: string): string | undefined {
  const lower = name.toLowerCase();
  const readable = lower.slice(0, lower.search(/[^a-z0-9!#$%&'*+.^_`|~-]|$/u));
  if (readable === '' || readable !== lower) {
    // What follows may be the value, put there by mistake.
    const which = readable === '' ? 'a header name' : `the header name that begins with ${shown(readable)}`;
    return `${which} has a character that names may not have: expected letters, digits and -`;
  }
  if (RESERVED.has(lower) || lower.startsWith('grpc-')) {
    return `${name} is a header that the protocol itself sets`;
  }
  if (lower.endsWith('-bin')) {
    return `${name.length > LONGEST_BIN ? `${name.slice(0, MOST_SHOWN)}...` : name} is a header with a binary value, which is not supported`;
  }
  if (!/^[ -~]*$/u.test(value)) {
    return `the value of ${name} has a character that headers may not have: expected printable ASCII`;
  }
  return undefined;
}
