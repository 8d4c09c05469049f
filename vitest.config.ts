import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/vendor/**', 'test/package/**', 'test/system/**', 'test/executable/**', 'node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Processes and sockets of their own: more at once than cores only makes them wait for each other.
    maxWorkers: 2,
    globalSetup: ['test/support/leftovers.ts'],
  },
});
