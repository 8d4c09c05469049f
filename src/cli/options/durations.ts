import ms, { type StringValue } from 'ms';

/**
 * The units, spelled as they are accepted. `ms` takes more, and any case: `1M`, a month to the reader of the
 * reference, would become a minute.
 */
const PART =
  /(\d+(?:\.\d+)?|\.\d+)\s*(nanos|nsecs?|ns|micros|usecs?|us|\u00b5s|\u03bcs|milliseconds?|millis|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|hr|h|days?|d|weeks?|w)/uy;

/** Units that `ms` does not know, in milliseconds. */
const SMALL_UNITS: readonly (readonly [pattern: RegExp, millis: number])[] = [
  [/^n/u, 1e-6],
  [/^(micros|u|\u00b5|\u03bc)/u, 1e-3],
  [/^millis$/u, 1],
];

function millisOf(amount: string, unit: string): number {
  const small = SMALL_UNITS.find(([pattern]) => pattern.test(unit));
  return small === undefined ? ms(`${amount}${unit}` as StringValue) : Number(amount) * small[1];
}

/**
 * Reads a duration such as `500ms`, `1s`, `2m` or `1m30s`, with the units of Go and of Rust's humantime up to a week. `0`
 * needs no unit, as in Go.
 *
 * @returns milliseconds; `undefined` for anything that is not a sum of whole or decimal amounts with a unit each, or
 * that does not come out as whole milliseconds
 */
export function parseDuration(text: string): number | undefined {
  let millis = 0;
  let end = 0;
  PART.lastIndex = 0;
  const trimmed = text.trim();
  if (trimmed === '0') {
    return 0;
  }
  while (end < trimmed.length) {
    const part = PART.exec(trimmed);
    if (part === null) {
      return undefined;
    }
    millis += millisOf(part[1], part[2]);
    end = PART.lastIndex + (trimmed.slice(PART.lastIndex).match(/^\s+/u)?.[0].length ?? 0);
    PART.lastIndex = end;
  }
  const whole = Math.round(millis);
  return end > 0 && Number.isSafeInteger(whole) && Math.abs(whole - millis) < 1e-6 ? whole : undefined;
}
