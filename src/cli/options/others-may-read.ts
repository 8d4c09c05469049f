import { statSync } from 'node:fs';
import type { Log } from '../log.js';

const READABLE_BY_OTHERS = 0o004;

/**
 * A function to call when a file of secrets was read: it warns where every user of this host may read the file, once each
 * time when that begins.
 */
export function othersMayReadWarning(source: string, path: string, log: Log): () => void {
  let wasReadable = false;
  return () => {
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
    const isReadable = (mode & READABLE_BY_OTHERS) !== 0;
    if (isReadable && !wasReadable) {
      log(
        'warn',
        'msb_metrics',
        `${source}: every user of this host may read the file: take that right away (chmod o-r)`,
        { file: path, mode: (mode & 0o777).toString(8) },
      );
    }
    wasReadable = isReadable;
  };
}
