import { defineConfig } from 'vitest/config';

// The one executable of this machine's processor: some of the tests of the command line, and its own.
export default defineConfig({
  test: {
    include: [
      'test/executable/*.test.ts',
      'test/cli/{otel,stdout,ledger,labels,prometheus}.test.ts',
      'test/cli/{health,systemd}/*.test.ts',
    ],
    env: { MSB_METRICS_PROGRAM: `build/msb-metrics-linux-${process.arch}` },
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    globalSetup: ['test/support/leftovers.ts'],
  },
});
