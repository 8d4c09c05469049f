import { writeSync } from 'node:fs';

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
      rest = rest.subarray(writeSome(rest));
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE') {
      throw new OutputError(`cannot write to standard output (${code})`);
    }
  }
}

/** How long a full pipe that does not block may stay full, ms. */
const MAX_FULL_MILLIS = 5_000;

const STEP_MILLIS = 10;

/** Writes what fits, and waits where nothing does: a pipe may be set not to block. */
function writeSome(bytes: Uint8Array): number {
  for (let waited = 0; ; waited += STEP_MILLIS) {
    try {
      return writeSync(1, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= MAX_FULL_MILLIS) {
        throw error;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STEP_MILLIS);
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
