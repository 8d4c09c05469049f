import { defineConfig } from 'vitest/config';

// What needs root, namespaces, Debian packages or minutes. Not part of `npm test`.
export default defineConfig({
  test: {
    include: ['test/system/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    maxWorkers: 1,
    globalSetup: ['test/support/leftovers.ts'],
  },
});
