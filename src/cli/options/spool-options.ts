import xbytes from 'xbytes';
import type { SpoolOptions } from '../../index.js';
import { UsageError } from '../usage-error.js';
import { beginningOf, type OptionReader } from './option-reader.js';

/** Less than this is no spool, bytes. */
const LEAST_BYTES = 1024 * 1024;

/**
 * Reads `--spool-dir` and `--spool-max-size`; `undefined` without the first.
 *
 * @throws {UsageError} for what is no size
 */
export function readSpoolOptions(options: OptionReader): SpoolOptions | undefined {
  const directory = options.text('spool-dir');
  const text = options.text('spool-max-size') ?? '';
  // Bits, which some write with a small b, are no size of a file.
  const maxBytes = /^\d+(\.\d+)? ?([kmgt]i?)?B$/iu.test(text.trim())
    ? Math.floor(xbytes.parseSize(text.trim().replace(/b$/u, 'B')))
    : 0;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < LEAST_BYTES) {
    throw new UsageError(
      `--spool-max-size: got ${beginningOf(text)}: expected a size of 1MiB or more with its unit, such as 500MiB or 2GiB`,
    );
  }
  if (directory === '') {
    throw new UsageError('--spool-dir: got "": expected a directory for the spool alone');
  }
  return directory === undefined ? undefined : { directory, maxBytes };
}
