import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/cli/options/durations.js';

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['1s', 1_000],
    ['2m', 120_000],
    ['1m30s', 90_000],
    ['1h 2m 3s 4ms', 3_723_004],
    ['1.5s', 1_500],
    ['0s', 0],
    ['0.1s', 100],
    ['2min', 120_000],
    ['3 seconds', 3_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['0', 0],
    ['.5s', 500],
    ['1h15m30.918s', 4_530_918],
    ['1500us500us', 2],
    ['2000us', 2],
    ['3000\u00b5s', 3],
    ['5000000ns', 5],
    ['4millis', 4],
  ])('%s is %i ms', (text, millis) => {
    expect(parseDuration(text)).toBe(millis);
  });

  it.each([
    '',
    ' ',
    '5',
    '-1s',
    '+1s',
    '1M',
    '1S',
    '1y',
    '1us',
    '00',
    '1month',
    '1s2',
    's',
    '1..5s',
    '1e3s',
    '1s,2s',
    '0.0001s',
    `${'9'.repeat(30)}s`,
    '१s',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
