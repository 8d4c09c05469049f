/**
 * Prints how many heaps of the C library there are before and after eight threads have begun. Argument: `one`, to have one. Of the
 * build, for a loader of TypeScript has threads before anything can be done.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { useOneHeap } from '../../dist/shm/posix.js';

const HEAP_BYTES = 64 * 1024 * 1024;

/** The heaps of threads: glibc reserves 64 MiB for each, and makes the beginning of them writable. */
const heaps = () => {
  const maps = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, from, to, mode] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/u.exec(line) ?? [];
      return mode === undefined ? [] : [{ from: parseInt(from, 16), to: parseInt(to, 16), mode }];
    });
  return maps.filter(
    ({ from, to, mode }, index) =>
      from % HEAP_BYTES === 0 &&
      mode === 'rw-p' &&
      maps[index + 1]?.mode === '---p' &&
      maps[index + 1].from === to &&
      maps[index + 1].to === from + HEAP_BYTES,
  ).length;
};

if (process.argv[2] === 'one') {
  useOneHeap();
}
const before = heaps();
const workers = Array.from({ length: 8 }, () => new Worker('setInterval(() => {}, 1_000)', { eval: true }));
await Promise.all(workers.map((worker) => once(worker, 'online')));
console.log(JSON.stringify({ before, after: heaps() }));
process.exit();
