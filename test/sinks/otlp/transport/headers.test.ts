import { describe, expect, it } from 'vitest';
import { headerProblem } from '../../../../src/sinks/otlp/transport/headers.js';

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
      'twenty-four-letters--bin',
      'x',
      'twenty-four-letters--bin is a header with a binary value, which is not supported',
    ],
    ['s3cret-of-25-characters-bin', 'x', 's3cr... is a header with a binary value, which is not supported'],
    [
      's3cret value',
      'x',
      'the header name that begins with s3cr has a character that names may not have: expected letters, digits and -',
    ],
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
    'expect',
    'host',
    'http2-settings',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
  ])('may not be %s, which the protocol sets', (name) => {
    expect(headerProblem(name, 'x')).toMatch(/protocol itself sets/u);
  });
});
