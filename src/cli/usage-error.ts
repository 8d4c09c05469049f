/** Bad input on the command line or in the environment: one line that names the flag, the value and the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * The path of a file as a {@link UsageError} shows it. What has a line end, a blank or a = is hardly one: it may be what
 * should be in the file.
 */
export function quotedPath(path: string): string {
  return /[\s=]|-----/u.test(path)
    ? `${JSON.stringify(`${path.slice(0, 4)}...`)}, of ${path.length} characters`
    : quoted(path);
}

/** A value as a {@link UsageError} shows it: quoted, and cut if it is long. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}...` : value);
}
