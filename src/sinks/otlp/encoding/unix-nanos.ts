const TWO_TO_THE_32 = 2 ** 32;
const TWO_TO_THE_16 = 2 ** 16;

/** A 64-bit integer as two unsigned halves. */
export interface Halves {
  readonly low: number;
  readonly high: number;
}

/**
 * Unix milliseconds as Unix nanoseconds, exactly: their product is past 2^53, so it is made in parts.
 *
 * @param millis an integer from 0 to 18,446,744,073,709
 */
export function unixNanos(millis: number): Halves {
  const upper = Math.floor(millis / TWO_TO_THE_16) * 1_000_000;
  const lower = (millis % TWO_TO_THE_16) * 1_000_000;
  const rest = (upper % TWO_TO_THE_16) * TWO_TO_THE_16 + lower;
  return {
    low: rest % TWO_TO_THE_32,
    high: Math.floor(upper / TWO_TO_THE_16) + Math.floor(rest / TWO_TO_THE_32),
  };
}
