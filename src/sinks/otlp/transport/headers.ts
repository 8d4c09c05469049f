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
    const which = readable === '' ? 'a header name' : `the header name that begins with ${readable}`;
    return `${which} has a character that names may not have: expected letters, digits and -`;
  }
  if (RESERVED.has(lower) || lower.startsWith('grpc-')) {
    return `${name} is a header that the protocol itself sets`;
  }
  if (lower.endsWith('-bin')) {
    return `${name} is a header with a binary value, which is not supported`;
  }
  if (!/^[ -~]*$/u.test(value)) {
    return `the value of ${name} has a character that headers may not have: expected printable ASCII`;
  }
  return undefined;
}
