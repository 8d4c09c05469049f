import { fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * Standard output that never blocks. Node's own `process.stdout` writes synchronously to a pipe or a socket, so a reader
 * that stops reading would stop the whole program, signals included.
 */
export function openStdout(): Writable {
  const stat = fstatSync(1);
  return stat.isFIFO() || stat.isSocket()
    ? new Socket({ fd: 1, readable: false, writable: true })
    : process.stdout;
}

/** Standard output cannot be written. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/**
 * Makes what prints by `console.log` fail where standard output cannot be written, which the console ignores. For texts
 * that are printed before the program ends: help and the version.
 */
export function printOrFail(): void {
  Object.assign(console, {
    log: (text: string) => {
      let rest = Buffer.from(`${text}\n`);
      try {
        while (rest.length > 0) {
          rest = rest.subarray(writeSync(1, rest));
        }
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EPIPE') {
          throw new OutputError(`cannot write to standard output (${code})`);
        }
      }
    },
  });
}
