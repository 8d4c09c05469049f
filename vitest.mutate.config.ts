import { defineConfig } from 'vitest/config';

// The tests that mutants are held against: those in this process. Properties run fewer times, for each of them runs
// once a mutant. Not among them: those that map real memory, where a mutant ends in SIGBUS.
export default defineConfig({
  test: {
    include: [
      'test/options.test.ts',
      'test/shm/{header,slots,collection,registry-name,liveness,skipped-rows}.test.ts',
      'test/streams/**/*.test.ts',
      'test/sinks/**/*.test.ts',
      'test/properties/**/*.test.ts',
    ],
    env: { FC_RUNS: '0.05', FC_SEED: '20260530' },
    testTimeout: 20_000,
  },
});
