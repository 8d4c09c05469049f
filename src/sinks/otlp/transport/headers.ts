/** Headers that the protocol itself sets. Users may not set them. */
const RESERVED = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Shorter values are not secrets, and replacing them everywhere would make messages unreadable. */
const SHORTEST_SECRET = 4;

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

/**
 * A function that replaces header values, whole or without their scheme (`Bearer ...`), and the values in the
 * endpoint's query by `***` wherever they are in a text: a receiver may repeat in an answer what it was sent.
 */
export function redactor(
  headers: Readonly<Record<string, string>>,
  endpoint?: URL,
): (text: string) => string {
  const inQuery = Array.from(endpoint?.search.matchAll(/=([^&]*)/gu) ?? [], ([, value]) => value);
  const secrets = Object.values(headers)
    .flatMap((value) => [value.trim(), value.trim().replace(/^\S+\s+/u, '')])
    .concat(inQuery, ...(endpoint?.searchParams.values() ?? []))
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((result, secret) => result.replaceAll(secret, '***'), text);
}
