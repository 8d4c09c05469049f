import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactor } from '../../../../src/sinks/otlp/transport/redactor.js';
import { runs } from '../../../support/runs.js';

const plain = new URL('http://host/m');

const redacting = (headers: Record<string, string>): ((text: string) => string) => redactor(headers, plain);

describe('what a receiver repeats', () => {
  it.each([
    ['the whole value', { authorization: 'Bearer s3cret' }, 'got "Bearer s3cret"', 'got "***"'],
    ['the value without its scheme', { authorization: 'Bearer s3cret' }, 'token s3cret!', 'token ***!'],
    ['it with several blanks after the scheme', { authorization: 'Bearer  s3cret' }, 's3cret', '***'],
    ['it with blanks around', { key: '  s3cret ' }, 'key=s3cret.', 'key=***.'],
    ['it with blanks around and a scheme', { key: ' Basic s3cret ' }, 'key=s3cret.', 'key=***.'],
    ['it more than once', { key: 's3cret' }, 's3cret s3cret', '*** ***'],
    ['several', { a: 'alpha', b: 'beta' }, 'beta alpha', '*** ***'],
    ['one within another', { a: 'abcd', b: 'abcdefgh' }, 'abcdefgh abcd', '*** ***'],
    ['one of four characters', { a: 'abcd' }, 'abcd', '***'],
    ['none of three', { a: 'abc' }, 'abc', 'abc'],
    ['no word of a value of several', { key: 'one two three' }, 'three two', 'three two'],
    ['a value in the query', {}, 'no /m?key=qu3ry&x=1 here', 'no /m?key=***&x=1 here'],
    ['a value in the query, decoded', {}, 'the key p%3D=q p==q', 'the key *** ***'],
    ['nothing where there are no headers', {}, 'as it was', 'as it was'],
    ['nothing of a header that is empty', { a: '' }, 'as it was', 'as it was'],
  ] as const)('is replaced: %s', (_, headers, text, shown) => {
    const endpoint = new URL('http://host/m?key=qu3ry&x=1&other=p%3D=q&none');
    expect(redactor(headers, endpoint)(text)).toBe(shown);
  });

  it('in every form that a server may give it', () => {
    const secret = 'S3cr:t/+ w\u00f6rd="x"';
    const redact = redacting({ authorization: `Bearer ${secret}` });
    const base64 = (before: string, after: string) =>
      Buffer.from(`${before}${secret}${after}`).toString('base64');
    const forms = [
      secret,
      encodeURIComponent(secret),
      encodeURIComponent(secret).toLowerCase(),
      encodeURIComponent(secret).replaceAll('%20', '+'),
      JSON.stringify({ got: secret }),
      JSON.stringify(secret).replaceAll('/', '\\/'),
      encodeURIComponent(encodeURIComponent(secret)),
      Buffer.from(secret).toString('hex').replace(/../gu, '%$&'),
      secret.replaceAll('"', '&quot;'),
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('hex').toUpperCase(),
      base64('', ''),
      Buffer.from(secret).toString('base64url'),
      ...['a', 'ab', 'abc', 'abcd'].flatMap((before) =>
        ['', 'x', 'xy'].map((after) => base64(before, after)),
      ),
    ];
    // What is left of it may be the letters at its ends, which base64 mixes with what is around.
    for (const form of forms) {
      const shown = redact(`the server says ${form} to you`);
      expect(shown, form).toContain('***');
      const left = shown.replace(/the server says |to you/gu, '');
      expect(Buffer.from(left, 'base64').toString('utf8'), form).not.toContain('S3cr');
      expect(left.length, form).toBeLessThan(24);
    }
  });

  it.each([
    ['as it is', (secret: string) => secret],
    ['percent-encoded', encodeURIComponent],
    ['percent-encoded in lower case', (secret: string) => encodeURIComponent(secret).toLowerCase()],
    ['percent-encoded as in forms', (secret: string) => encodeURIComponent(secret).replaceAll('%20', '+')],
    ['percent-encoded twice', (secret: string) => encodeURIComponent(encodeURIComponent(secret))],
    [
      'percent-encoded throughout',
      (secret: string) => Buffer.from(secret).toString('hex').replace(/../gu, '%$&'),
    ],
    [
      'percent-encoded as RFC 3986 has it',
      (secret: string) =>
        encodeURIComponent(secret).replace(/[!'()*]/gu, (c) => `%${c.charCodeAt(0).toString(16)}`),
    ],
    [
      'percent-encoded but for the slashes',
      (secret: string) => encodeURIComponent(secret).replaceAll('%2F', '/'),
    ],
    ['percent-encoded as a whole URL', encodeURI],
    [
      'percent-encoded three times, in JSON, in HTML',
      (secret: string) =>
        html(
          JSON.stringify(encodeURIComponent(encodeURIComponent(encodeURIComponent(secret)))).slice(1, -1),
          '&#39;',
        ),
    ],
    [
      'in HTML with numbers',
      (secret: string) => secret.replace(/[^a-z0-9]/giu, (c) => `&#${c.codePointAt(0)};`),
    ],
    ['in JSON', (secret: string) => JSON.stringify(secret).slice(1, -1)],
    ['in JSON of PHP', (secret: string) => JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/')],
    [
      'in JSON of Go',
      (secret: string) =>
        JSON.stringify(secret)
          .slice(1, -1)
          .replaceAll('<', '\\u003c')
          .replaceAll('>', '\\u003e')
          .replaceAll('&', '\\u0026'),
    ],
    ['in HTML of Go', (secret: string) => html(secret, '&#39;')],
    ['in HTML of Python', (secret: string) => html(secret, '&#x27;')],
    ['in hexadecimal', (secret: string) => Buffer.from(secret).toString('hex')],
    ['in hexadecimal of capitals', (secret: string) => Buffer.from(secret).toString('hex').toUpperCase()],
    ['in base64', (secret: string) => Buffer.from(secret).toString('base64')],
  ])('is replaced %s, to its last character', (_, form) => {
    for (const secret of [`<S3cr&t'>/+ word="x"\\>`, 'plain-secret', 'k\u00f6nig-und-\u00f6l']) {
      const redact = redacting({ authorization: `Bearer ${secret}` });
      expect(redact(`got <${form(secret)}> here`), secret).toBe('got <***> here');
    }
  });

  it('is replaced whichever of its characters are escaped', () => {
    fc.assert(
      fc.property(
        // Whoever escapes anything escapes what escapes begin with, too.
        fc.string({ unit: 'binary-ascii', minLength: 4, maxLength: 30 }).map((text) =>
          text
            .replace(/[^ -~]|[%&\\]/gu, 'x')
            .trim()
            .padEnd(4, 'y'),
        ),
        fc.array(fc.nat(5), { minLength: 30, maxLength: 30 }),
        (secret, ways) => {
          const escapes = [
            (c: string) => c,
            (c: string) => `%${c.charCodeAt(0).toString(16)}`,
            (c: string) => `%25${c.charCodeAt(0).toString(16).toUpperCase()}`,
            (c: string) => `\\u00${c.charCodeAt(0).toString(16)}`,
            (c: string) => `&#${c.charCodeAt(0)};`,
            (c: string) => `&#x${c.charCodeAt(0).toString(16)};`,
          ];
          const text = Array.from(secret, (c, index) => escapes[ways[index]](c)).join('');
          expect(redacting({ key: secret })(`got <${text}>!`)).toBe('got <***>!');
        },
      ),
      runs(2_000),
    );
  });

  it('in base64 without padding, also of a short one', () => {
    expect(redacting({ key: 'abcd' })('got YWJjZA.')).toBe('got ***.');
  });

  it('is replaced where it is what Basic encodes, or the password in it', () => {
    const redact = redacting({
      authorization: `Basic ${Buffer.from('someone:hunter22').toString('base64')}`,
    });
    expect(redact('no someone:hunter22, no hunter22 either')).toBe('no ***, no *** either');
    expect(redact('someone')).toBe('someone');
  });

  it('also where the text was cut in the middle of it', () => {
    const redact = redacting({ authorization: 'Bearer sk-live-0123456789abcdef' });
    expect(redact('you sent: sk-live-0123')).toBe('you sent: ***');
    expect(redact('bad token sk-live-0123456789ab... rejected')).toBe('bad token ***... rejected');
    expect(redact(`${'\u0130'.repeat(24)} sent: sk-live-0123456`)).toBe(`${'\u0130'.repeat(24)} sent: ***`);
    expect(redact('you sent: sk-live')).toBe('you sent: sk-live');
    expect(redact('expected: Bearer')).toBe('expected: Bearer');
    expect(redact('a Bearer scheme')).toBe('a Bearer scheme');
  });

  it('also where it was cut behind a blank', () => {
    expect(redacting({ key: 'one-two-three four five' })('sent: one-two-three fo')).toBe('sent: ***');
  });

  it('in its parts, as cookies have them', () => {
    const redact = redacting({ cookie: 'sid=abcdefgh12; csrf=ijklmnop34', key: 'ApiKey my-id:longsecret' });
    expect(redact('no abcdefgh12, no ijklmnop34, no longsecret')).toBe('no ***, no ***, no ***');
    expect(redacting({ cookie: 'a=12345678; b=1234567' })('12345678 1234567 ')).toBe('*** 1234567 ');
    expect(redacting({ key: 'id=abc;d' })('abc;d abc')).toBe('*** abc');
  });

  it('whatever characters it has', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', minLength: 4, maxLength: 40 }), (text) => {
        const secret = text
          .replace(/[^ -~]/gu, 'x')
          .trim()
          .padEnd(4, 'y');
        expect(redacting({ key: secret })(`got ${secret}!`)).toBe('got ***!');
      }),
      runs(1_000),
    );
  });

  it('takes a time that grows with the text, not faster', () => {
    const redact = redacting({ key: 'aaaaaaaaaaaaaaab', other: 'a.*(b+)+$' });
    expect(redact('aaaaaaa!'.repeat(20_000))).toHaveLength(160_000);
    expect(redact('a.*(b+)+$')).toBe('***');
  });
});

const html = (text: string, quote: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", quote);
