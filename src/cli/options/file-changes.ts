import type { Log } from '../log.js';
import type { FileChange } from './watched-files.js';

/**
 * Logs that files have changed. A trouble is logged once when it begins and once when it ends.
 *
 * @param what is in the files, in the plural
 */
export function logFileChanges(what: string, log: Log): (change: FileChange) => void {
  return ({ kind, problem }) => {
    switch (kind) {
      case 'renewed':
        log('info', 'msb_metrics', `new ${what} were read, and are used from now on`);
        break;
      case 'broken':
        log('warn', 'msb_metrics', `new ${what} cannot be used, the old ones stay in use`, { problem });
        break;
      case 'mended':
        log('info', 'msb_metrics', `the ${what} can be used again`);
        break;
    }
  };
}
