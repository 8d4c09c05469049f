/** Shorter values are not secrets, and replacing them everywhere would make messages unreadable. */
const SHORTEST_SECRET = 4;

/**
 * A function that replaces secrets by `***` wherever they are in a text: a receiver may repeat in an answer what it was
 * sent. Secrets are the values of headers, whole or without their scheme (`Bearer ...`), what a `Basic` value encodes,
 * and the values in the query of the endpoint. Each is found as it is, percent-encoded, in base64 (also inside of a
 * longer encoded text) and in hexadecimal.
 *
 * @param headers by name
 */
export function redactor(
  headers: Readonly<Record<string, string>>,
  endpoint?: URL,
): (text: string) => string {
  const inQuery = Array.from(endpoint?.search.matchAll(/=([^&]*)/gu) ?? [], ([, value]) => value);
  const forms = [
    ...Object.values(headers).flatMap(partsOf),
    ...inQuery,
    ...(endpoint?.searchParams.values() ?? []),
  ]
    .filter(isSecret)
    .flatMap(formsOf)
    .filter(isSecret);
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) {
    return (text) => text;
  }
  const pattern = new RegExp(longestFirst.map(escaped).join('|'), 'giu');
  return (text) => withoutCutSecret(text.replace(pattern, '***'), longestFirst);
}

/** A text that was cut may end with the beginning of a secret. */
function withoutCutSecret(text: string, secrets: readonly string[]): string {
  const end = text.trimEnd().toLowerCase();
  for (const secret of secrets) {
    const lower = secret.toLowerCase();
    for (let length = lower.length - 1; length >= SHORTEST_SECRET; length--) {
      if (end.endsWith(lower.slice(0, length))) {
        return `${text.slice(0, end.length - length)}***`;
      }
    }
  }
  return text;
}

const isSecret = (text: string): boolean => text.length >= SHORTEST_SECRET;

/** A header's value, the same without its scheme, and what `Basic` encodes: the user with the password, and the password. */
function partsOf(value: string): string[] {
  const whole = value.trim();
  const [, scheme = '', credentials = whole] = /^(\S+)\s+(.*)$/u.exec(whole) ?? [];
  if (scheme.toLowerCase() !== 'basic') {
    return [whole, credentials];
  }
  const decoded = Buffer.from(credentials, 'base64').toString('utf8');
  return decoded.includes(':')
    ? [whole, credentials, decoded, decoded.slice(decoded.indexOf(':') + 1)]
    : [whole, credentials];
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  return [
    secret,
    encodeURIComponent(secret),
    encodeURIComponent(secret).replaceAll('%20', '+'),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...[0, 1, 2].flatMap((offset) => insideBase64(bytes, offset)),
  ];
}

/**
 * The characters that base64 makes of the bytes alone, wherever they stand in what is encoded: of three positions the
 * characters that do not depend on what is around.
 */
function insideBase64(bytes: Buffer, offset: number): string[] {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString('base64')
    .replace(/=+$/u, '');
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + bytes.length) * 8) / 6);
  const core = encoded.slice(first, last);
  return core.length < 8 ? [] : [core, core.replaceAll('+', '-').replaceAll('/', '_')];
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&');
}
