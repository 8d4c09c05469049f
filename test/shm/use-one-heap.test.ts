import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('use-one-heap.mjs', import.meta.url));
const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
const isGlibc = report?.header?.glibcVersionRuntime !== undefined;

const heapsWith = (...args: string[]): { before: number; after: number } =>
  JSON.parse(
    execFileSync(process.execPath, [SCRIPT, ...args], {
      encoding: 'utf8',
      env: { ...process.env, MALLOC_ARENA_MAX: undefined, NODE_OPTIONS: undefined },
    }),
  ) as { before: number; after: number };

describe('a process that uses one heap of the C library', () => {
  it.skipIf(!isGlibc)('has no heap of its own for a thread that begins', () => {
    const one = heapsWith('one');
    expect(one.after).toBe(one.before);
    const usual = heapsWith();
    expect(usual.after).toBeGreaterThan(usual.before);
  });
});
