import { UsageError } from '../usage-error.js';

/**
 * Reads a file of headers: `KEY=VALUE` or `KEY: VALUE` a line, whichever of `=` and `:` comes first. Blanks around a value do
 * not belong to it. Empty lines and lines that begin with `#` are skipped. An error repeats no line, because a line may be a
 * secret.
 *
 * @param source the flag that names the file
 * @throws {UsageError} that names the number of a line that is no header; and for a file without headers, as it is for a
 * moment while it is written anew
 */
export function parseHeaderFile(source: string, text: string): Record<string, string> {
  const entries = text
    .replace(/^\uFEFF/u, '')
    .split(/\r?\n/u)
    .flatMap((line, index) => {
      const trimmed = line.trim();
      if (trimmed === '' || trimmed.startsWith('#')) {
        return [];
      }
      const [, key = '', value = ''] = /^([^=:]*)[=:](.*)$/u.exec(trimmed) ?? [];
      if (key.trim() === '') {
        throw new UsageError(
          `${source}: line ${index + 1}, of ${line.length} characters, is no header: expected KEY=VALUE or KEY: VALUE`,
        );
      }
      return [[key.trim(), value.trim()] as const];
    });
  if (entries.length === 0) {
    throw new UsageError(
      `${source}: there is no header in the file: expected KEY=VALUE or KEY: VALUE a line`,
    );
  }
  return Object.fromEntries(entries);
}
