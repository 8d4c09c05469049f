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
 * Prints a text and a line end, at once and whole.
 *
 * @throws {OutputError} where standard output cannot be written; a reader that has gone is none
 */
export function print(text: string): void {
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
}

/**
 * Makes what the library of the command line prints by `console.log` fail where standard output cannot be written, which
 * the console ignores.
 *
 * @param edit gets the text, and gives what is printed
 */
export function printOrFail(edit: (text: string) => string): void {
  Object.assign(console, { log: (text: string) => print(edit(text)) });
}
