import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('keep-little-memory.ts', import.meta.url));
const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
const isGlibc = report?.header?.glibcVersionRuntime !== undefined;

const heapsWith = (...args: string[]): { before: number; after: number } =>
  JSON.parse(
    execFileSync(process.execPath, ['--import', 'tsx', SCRIPT, ...args], {
      encoding: 'utf8',
      env: { ...process.env, MALLOC_ARENA_MAX: undefined, NODE_OPTIONS: undefined },
    }),
  ) as { before: number; after: number };

describe('a process that keeps little memory', () => {
  it.skipIf(!isGlibc)('has no heap of its own for a thread that begins', () => {
    const little = heapsWith('keep');
    expect(little.after).toBe(little.before);
    const usual = heapsWith();
    expect(usual.after).toBeGreaterThan(usual.before);
  });
});
