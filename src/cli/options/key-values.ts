import { UsageError } from '../usage-error.js';

/**
 * Reads repeated `KEY=VALUE`s; values may hold `=`. Later ones win. A value is never repeated in an error, for it
 * may be a secret.
 *
 * @throws {UsageError} where the `=` or the key is missing
 */
export function parseKeyValues(flag: string, entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf('=');
      if (equals === -1) {
        throw new UsageError(
          `--${flag}: got a value of ${entry.length} characters without =: expected KEY=VALUE`,
        );
      }
      const key = entry.slice(0, equals).trim();
      if (key === '') {
        throw new UsageError(`--${flag}: got a value without a key before its =: expected KEY=VALUE`);
      }
      return [key, entry.slice(equals + 1)];
    }),
  );
}

/**
 * Reads the comma-separated, percent-encoded `key=value`s of OpenTelemetry's environment variables. An error counts
 * the entries rather than showing keys: after a comma in a secret, what looks like a key is the rest of it.
 *
 * Source: "Specifying headers via environment variables" of the OTLP exporter specification, and
 * "Specifying resource information via an environment variable" of the resource SDK's.
 *
 * @throws {UsageError} where the `=` or the key is missing, or an encoding is broken
 */
export function parseEnvironmentKeyValues(
  variable: string,
  text: string | undefined,
): Record<string, string> {
  const entries = (text ?? '').split(',').filter((entry) => entry.trim() !== '');
  return Object.fromEntries(
    entries.map((entry, index) => {
      const equals = entry.indexOf('=');
      const key = entry.slice(0, Math.max(0, equals)).trim();
      if (key === '') {
        throw new UsageError(
          `${variable}: entry ${index + 1} lacks its key or its =: expected key=value,key=value, and %2C for a comma in a value`,
        );
      }
      try {
        return [decodeURIComponent(key), decodeURIComponent(entry.slice(equals + 1).trim())];
      } catch {
        throw new UsageError(
          `${variable}: entry ${index + 1} has a % that encodes nothing: expected %25 for a %, and %2C for a comma`,
        );
      }
    }),
  );
}
