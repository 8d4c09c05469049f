/** Prints how many heaps of the C library there are before and after eight threads have begun. Argument: `keep` little memory. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { keepLittleMemory } from '../../src/shm/posix.js';

const HEAP_BYTES = 64 * 1024 * 1024;

/** The heaps of threads: glibc reserves 64 MiB for each, and makes the beginning of them writable. */
const heaps = (): number => {
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

if (process.argv[2] === 'keep') {
  keepLittleMemory();
}
const before = heaps();
const workers = Array.from({ length: 8 }, () => new Worker('setInterval(() => {}, 1_000)', { eval: true }));
await Promise.all(workers.map((worker) => once(worker, 'online')));
console.log(JSON.stringify({ before, after: heaps() }));
process.exit();
