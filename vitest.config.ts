import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/vendor/**', 'test/package/**', 'test/system/**', 'test/executable/**', 'node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Processes and sockets of their own, many of which wait: on two cores three take four fifths of the time of two.
    maxWorkers: 3,
    globalSetup: ['test/support/leftovers.ts'],
  },
});
