import { quoted, UsageError } from '../usage-error.js';
import type { OptionReader } from './option-reader.js';

/**
 * Reads `--health`; without a path it is `/healthz`. `undefined` where it is not given.
 *
 * @throws {UsageError} for another thing than a health page
 */
export function readHealthUrl(options: OptionReader): URL | undefined {
  const text = options.text('health');
  if (text === undefined) {
    return undefined;
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' || !PATHS.includes(url.pathname) || url.username || url.search) {
    throw new UsageError(
      `--health: got ${quoted(text)}: expected http://HOST:PORT, with /healthz, /readyz or no path`,
    );
  }
  if (url.pathname === '/') {
    url.pathname = '/healthz';
  }
  return url;
}

const PATHS = ['/', '/healthz', '/readyz'];
