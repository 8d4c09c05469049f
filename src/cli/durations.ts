import ms, { type StringValue } from 'ms';

/**
 * The units, spelled as they are accepted. `ms` takes more, and any case: `1M`, a month to the reader of the
 * reference, would become a minute.
 */
const PART =
  /(\d+(?:\.\d+)?)\s*(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|hr|h|days?|d|weeks?|w)/uy;

/**
 * Reads a duration such as `500ms`, `1s`, `2m` or `1m30s`.
 *
 * @returns milliseconds; `undefined` for anything that is not a sum of whole or decimal amounts with a unit each, or
 * that does not come out as whole milliseconds
 */
export function parseDuration(text: string): number | undefined {
  let millis = 0;
  let end = 0;
  PART.lastIndex = 0;
  const trimmed = text.trim();
  while (end < trimmed.length) {
    const part = PART.exec(trimmed);
    if (part === null) {
      return undefined;
    }
    const amount = ms(`${part[1]}${part[2]}` as StringValue);
    millis += amount;
    end = PART.lastIndex + (trimmed.slice(PART.lastIndex).match(/^\s+/u)?.[0].length ?? 0);
    PART.lastIndex = end;
  }
  const whole = Math.round(millis);
  return end > 0 && Number.isSafeInteger(whole) && Math.abs(whole - millis) < 1e-6 ? whole : undefined;
}
