import { describe, expect, it } from 'vitest';
import { canUnshare, inNamespaces } from './namespaces.js';

interface Result {
  readonly exit: { readonly code: number | null; readonly signal: string | null };
  readonly names: readonly string[];
  readonly blocksBefore: number;
  readonly blocksAfter: number;
}

describe.skipIf(!canUnshare('--mount'))('a sparse registry in a /dev/shm that is full', () => {
  it.each([1_024, 100_000])('of %i slots is read without a page of it being allocated', async (capacity) => {
    const { exit, names, blocksBefore, blocksAfter } = await inNamespaces<Result>(
      ['--mount'],
      'mount -t tmpfs -o size=256k tmpfs /dev/shm',
      'sparse-registry.ts',
      [String(capacity)],
    );
    expect(exit).toEqual({ code: 0, signal: null });
    expect(names).toEqual(['sandbox-0', `sandbox-${capacity / 2}`, `sandbox-${capacity - 1}`]);
    expect(blocksAfter).toBe(blocksBefore);
  });
});
