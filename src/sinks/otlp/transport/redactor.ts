import { type NormalText, normalText } from './normal-text.js';

/** Shorter values are not secrets, and replacing them everywhere would make messages unreadable. */
const SHORTEST_SECRET = 4;

/** A secret that was cut is known by so many of its first characters. Fewer are words: `Bearer`. */
const CUT_SECRET = 8;

/**
 * A function that replaces secrets by `***` wherever they are in a text: a receiver may repeat in an answer what it was
 * sent. Secrets are the values of headers, whole, without their scheme (`Bearer ...`) and in their parts (`id=...; ...`),
 * the user and the password that a `Basic` value encodes, and the query of the endpoint. Each is found as it is, escaped for
 * JSON or HTML and percent-encoded, wholly or in part, in base64 (also inside of a longer encoded text), in hexadecimal, and cut.
 *
 * @param headers by name
 */
export function redactor(headers: Readonly<Record<string, string>>, endpoint: URL): (text: string) => string {
  const query = endpoint.search.split(/[?&]/u).map((part) => part.slice(part.indexOf('=') + 1));
  const forms = [...Object.values(headers), ...query, ...endpoint.searchParams.values()]
    .flatMap(partsOf)
    .filter((part) => part.length >= SHORTEST_SECRET)
    .flatMap(formsOf)
    .map((form) => normalText(form).text);
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) {
    return (text) => text;
  }
  // In its normal form a blank is a plus.
  const cuttable = longestFirst.filter((form) => !form.slice(0, CUT_SECRET).includes('+'));
  const beginnings = cuttable.map((form) => form.slice(0, CUT_SECRET));
  const search = new RegExp([...longestFirst, ...beginnings].map(escaped).join('|'), 'gu');
  return (text) => withoutSecrets(text, normalText(text), search, cuttable);
}

/** Replaces secrets, and their beginnings as far as they go. */
function withoutSecrets(
  text: string,
  normal: NormalText,
  search: RegExp,
  cuttable: readonly string[],
): string {
  let result = '';
  let end = 0;
  search.lastIndex = 0;
  for (let match = search.exec(normal.text); match !== null; match = search.exec(normal.text)) {
    const { index } = match;
    const length = Math.max(
      match[0].length,
      ...cuttable.map((secret) => commonLength(normal.text, index, secret)),
    );
    result += `${text.slice(end, normal.from[index])}***`;
    end = normal.to[index + length - 1];
    search.lastIndex = index + length;
  }
  return result + text.slice(end);
}

/** How many characters of a secret stand in a text from `at` on. */
function commonLength(text: string, at: number, secret: string): number {
  let length = 0;
  while (at + length < text.length && text[at + length] === secret[length]) {
    length++;
  }
  return length;
}

/**
 * A value, the same without its scheme, its parts, and what `Basic` encodes: the user with the password, and the
 * password. Parts are what a cookie or a pair of key and secret is made of; short ones are words.
 */
function partsOf(value: string): string[] {
  const whole = value.trim();
  const credentials = whole.replace(/^\S+\s+/u, '');
  const parts = credentials.split(/[;,:=\s]/u).filter((part) => part.length >= CUT_SECRET);
  const decoded = Buffer.from(credentials, 'base64').toString('utf8');
  return [
    whole,
    credentials,
    ...parts,
    whole.slice(whole.indexOf('=') + 1),
    ...(/^[ -~]*?:([ -~]*)$/u.exec(decoded) ?? []),
  ];
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = bytes.toString('base64');
  return [
    secret,
    bytes.toString('hex'),
    base64,
    base64.replace(/=+$/u, ''),
    ...[0, 1, 2].flatMap((offset) => insideBase64(bytes, offset)),
  ];
}

/**
 * The characters that base64 makes of the bytes alone, wherever they stand in what is encoded: of three positions the
 * characters that do not depend on what is around.
 */
function insideBase64(bytes: Buffer, offset: number): string[] {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + bytes.length) * 8) / 6);
  const core = encoded.slice(first, last);
  return [core, core.replaceAll('+', '-').replaceAll('/', '_')].filter(
    ({ length }) => length >= SHORTEST_CORE,
  );
}

/** Shorter pieces of base64 are words. */
const SHORTEST_CORE = 6;

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&');
}
