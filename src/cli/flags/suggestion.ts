import { closest, distance } from 'fastest-levenshtein';

/**
 * The word that was probably meant; `undefined` if none is near: at most two characters apart, and at most half of what
 * was typed.
 *
 * @param words one or more
 */
export function nearest(typed: string, words: readonly string[]): string | undefined {
  const word = closest(typed, words);
  return distance(typed, word) <= Math.min(2, Math.floor(typed.length / 2)) ? word : undefined;
}
