import { fstatSync } from 'node:fs';
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
