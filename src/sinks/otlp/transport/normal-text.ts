/** A text in its normal form, and where each character of it comes from. */
export interface NormalText {
  /** One character a byte of UTF-8, in lower case, without escapes, and with `+` for a blank. */
  readonly text: string;
  /** Where the original of each character begins and ends, as indices of the original text. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

/** Texts that are encoded more often than this are not what a receiver makes of a header. */
const MAX_DECODINGS = 4;

/**
 * An escape of one character: percent-encoding, JSON, HTML. Sources: RFC 3986, 2.1; RFC 8259, 7; the HTML standard, "character
 * references".
 */
const ESCAPE =
  /%([0-9a-f]{2})|\\u([0-9a-f]{4})|\\(["\\/bfnrt])|&(amp|lt|gt|quot|apos);|&#([0-9]{1,7});|&#x([0-9a-f]{1,6});/gu;

const JSON_ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * A text with all escapes decoded, as often as it was encoded, so that two texts are equal whatever parts of them are escaped,
 * and how. Takes a time that grows with the text, not faster.
 */
export function normalText(text: string): NormalText {
  let normal = bytesOf(text);
  for (let times = 0; times < MAX_DECODINGS; times++) {
    const decoded = decodedOnce(normal);
    if (decoded.text.length === normal.text.length) {
      break;
    }
    normal = decoded;
  }
  return normal;
}

const lower = (bytes: string): string =>
  bytes.replace(/[A-Z]/gu, (letter) => letter.toLowerCase()).replaceAll(' ', '+');

const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

/** Bytes with where each comes from, as they are put together. */
class Building {
  #text = '';
  #length = 0;
  readonly #from: Uint32Array;
  readonly #to: Uint32Array;

  constructor(mostBytes: number) {
    this.#from = new Uint32Array(mostBytes);
    this.#to = new Uint32Array(mostBytes);
  }

  /** Adds bytes that all come from the same characters. */
  add(bytes: string, from: number, to: number): void {
    this.#text += bytes;
    this.#from.fill(from, this.#length, this.#length + bytes.length);
    this.#to.fill(to, this.#length, this.#length + bytes.length);
    this.#length += bytes.length;
  }

  /** Adds a part of a normal text as it is. */
  copy({ text, from, to }: NormalText, begin: number, end: number): void {
    this.#text += text.slice(begin, end);
    this.#from.set(from.subarray(begin, end), this.#length);
    this.#to.set(to.subarray(begin, end), this.#length);
    this.#length += end - begin;
  }

  done(): NormalText {
    return {
      text: this.#text,
      from: this.#from.subarray(0, this.#length),
      to: this.#to.subarray(0, this.#length),
    };
  }
}

function bytesOf(text: string): NormalText {
  const bytes = utf8(text);
  if (bytes.length === text.length) {
    return {
      text: lower(bytes),
      from: Uint32Array.from(bytes, (_, index) => index),
      to: Uint32Array.from(bytes, (_, index) => index + 1),
    };
  }
  const building = new Building(bytes.length);
  let at = 0;
  for (const character of text) {
    building.add(lower(utf8(character)), at, at + character.length);
    at += character.length;
  }
  return building.done();
}

function decodedOnce(before: NormalText): NormalText {
  const building = new Building(before.text.length);
  let done = 0;
  for (const match of before.text.matchAll(ESCAPE)) {
    building.copy(before, done, match.index);
    done = match.index + match[0].length;
    building.add(lower(characterOf(match)), before.from[match.index], before.to[done - 1]);
  }
  building.copy(before, done, before.text.length);
  return building.done();
}

function characterOf([, percent, unit, escaped, entity, decimal, hex]: RegExpMatchArray): string {
  if (percent !== undefined) {
    return String.fromCharCode(Number.parseInt(percent, 16));
  }
  if (escaped !== undefined) {
    return JSON_ESCAPES[escaped] ?? escaped;
  }
  if (entity !== undefined) {
    return ENTITIES[entity];
  }
  const code = unit !== undefined || hex !== undefined ? Number.parseInt(unit ?? hex, 16) : Number(decimal);
  return utf8(code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd');
}
