import { describe, expect, it } from 'vitest';
import { headerProblem, redactor } from '../../../../src/sinks/otlp/transport/headers.js';

describe('a header', () => {
  it.each([
    ['authorization', 'Bearer abc=='],
    ['X-Scope-OrgID', ''],
    ["!#$%&'*+.^_`|~-09", ' ~'],
    ['x-binary', 'x'],
    ['my-grpc-thing', 'x'],
    ['-binding', 'x'],
  ])('may be %s with the value %j', (name, value) => {
    expect(headerProblem(name, value)).toBeUndefined();
  });

  it.each([
    ['', 'x', 'a header name has a character that names may not have: expected letters, digits and -'],
    ['ü-name', 'x', 'a header name has a character that names may not have: expected letters, digits and -'],
    [
      'name:',
      'x',
      'the header name that begins with name has a character that names may not have: expected letters, digits and -',
    ],
    [
      'a b',
      'x',
      'the header name that begins with a has a character that names may not have: expected letters, digits and -',
    ],
    ['Content-Type', 'x', 'Content-Type is a header that the protocol itself sets'],
    ['host', 'x', 'host is a header that the protocol itself sets'],
    ['grpc-timeout', '1S', 'grpc-timeout is a header that the protocol itself sets'],
    ['key-bin', 'x', 'key-bin is a header with a binary value, which is not supported'],
    [
      'authorization',
      'Bearer \nabc',
      'the value of authorization has a character that headers may not have: expected printable ASCII',
    ],
    ['a', 'é', 'the value of a has a character that headers may not have: expected printable ASCII'],
    ['a', 'x\u007f', 'the value of a has a character that headers may not have: expected printable ASCII'],
  ])('may not be %s with the value %j', (name, value, problem) => {
    expect(headerProblem(name, value)).toBe(problem);
  });

  it.each([
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
  ])('may not be %s, which the protocol sets', (name) => {
    expect(headerProblem(name, 'x')).toMatch(/protocol itself sets/u);
  });
});

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
  ] as const)('is blotted out: %s', (_, headers, text, shown) => {
    const endpoint = new URL('http://host/m?key=qu3ry&x=1&other=p%3D=q&none');
    expect(redactor(headers, endpoint)(text)).toBe(shown);
  });

  it('is blotted out also where the endpoint is not given', () => {
    expect(redactor({ key: 's3cret' })('s3cret qu3ry')).toBe('*** qu3ry');
  });
});
