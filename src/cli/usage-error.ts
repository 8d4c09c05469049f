/** Bad input on the command line or in the environment: one line that names the flag, the value and the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A value as it is shown in a {@link UsageError}: quoted, and cut where it is long. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}...` : value);
}
