import { describe, expect, it } from 'vitest';
import { requireFunctions, requireTexts } from '../src/options.js';

describe('functions by name', () => {
  it('pass', () => {
    expect(() => requireFunctions('sinks', { a: () => {}, b: class {} })).not.toThrow();
    expect(() => requireFunctions('sinks', {})).not.toThrow();
  });

  it.each([
    [{ a: () => {}, b: 3 }, 'sinks: expected a function for b, got 3'],
    [{ a: undefined }, 'sinks: expected a function for a, got undefined'],
    [undefined, 'sinks: expected an object with functions, got undefined'],
    [null, 'sinks: expected an object with functions, got null'],
    ['text', "sinks: expected an object with functions, got 'text'"],
  ])('are refused in %o', (value, message) => {
    expect(() => requireFunctions('sinks', value)).toThrowError(new RangeError(message));
  });
});

describe('texts by name', () => {
  it('are refused without showing a value, which may be a secret', () => {
    expect(() => requireTexts('headers', { key: 42_42 })).toThrowError(
      new RangeError('headers: expected a text for key, got a value of the type number'),
    );
    expect(() => requireTexts('headers', 7)).toThrowError(
      new RangeError('headers: expected an object with texts, got 7'),
    );
  });
});
