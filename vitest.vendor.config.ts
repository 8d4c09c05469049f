import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/vendor/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: ['test/support/leftovers.ts'],
  },
});
