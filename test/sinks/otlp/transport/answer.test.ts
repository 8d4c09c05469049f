import { describe, expect, it } from 'vitest';
import { beginning, words } from '../../../../src/sinks/otlp/transport/answer.js';

describe('a text from outside', () => {
  it.each([
    0, 1, 4_095, 4_096, 4_097, 100_000,
  ])('of %i characters is looked at up to the 4,096th', (length) => {
    const text = 'x'.repeat(length);
    expect(beginning(text)).toBe('x'.repeat(Math.min(length, 4_096)));
  });

  it('is redacted before it is cut for a line', () => {
    const seen: number[] = [];
    const line = words(`  a\n\tb ${'c'.repeat(10_000)}`, (text) => {
      seen.push(text.length);
      return text;
    });
    expect(seen).toEqual([4_096]);
    expect(line).toBe(`a b ${'c'.repeat(296)}...`);
  });
});
