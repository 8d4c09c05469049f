/** Bad input on the command line or in the environment: one line that names the flag, the value and the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A value as a {@link UsageError} shows it: quoted, and cut if it is long. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}...` : value);
}
