/** The most characters that are compared: far more than two different messages have in common. */
const MAX_COMPARED = 1_024;

/**
 * A message with every word that has a digit as `#`. Two that are equal then differ only in times, counts and ids, and
 * have the same cause.
 */
export function numberFree(message: string): string {
  return message
    .slice(0, MAX_COMPARED)
    .split(/(\s+)/u)
    .map((word) => (/\d/u.test(word) ? '#' : word))
    .join('');
}
