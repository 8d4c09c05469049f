import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '../../src/sinks/printable.js';
import { runs } from '../support/runs.js';

describe('printable', () => {
  it.each([
    ['devbox', 'devbox'],
    ['ünï 🚀 код \\ "q"', 'ünï 🚀 код \\ "q"'],
    ['a\nb\r\tc', 'a\\u{a}b\\u{d}\\u{9}c'],
    ['\u001b[31mred\u0007', '\\u{1b}[31mred\\u{7}'],
    ['\u0085\u009b\u007f', '\\u{85}\\u{9b}\\u{7f}'],
    ['\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['\u202eevil\u200b\ufeff', '\\u{202e}evil\\u{200b}\\u{feff}'],
    ['\u3164a\ufe0fb\u034fc\u115f\u17b4', '\\u{3164}a\\u{fe0f}b\\u{34f}c\\u{115f}\\u{17b4}'],
    ['\ud800', '\\u{d800}'],
    ['\u{e0001}', '\\u{e0001}'],
  ])('of %j is %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('leaves nothing that a terminal or a reader of lines acts on, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).toMatch(
          /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]*$/u,
        );
      }),
      runs(1_000),
    );
  });
});
