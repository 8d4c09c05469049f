import type * as fc from 'fast-check';

/** Whether properties are run less often than they should be, so that not all that they are about is reached. */
export const ARE_RUNS_FEWER = process.env.FC_PATH !== undefined || Number(process.env.FC_RUNS ?? 1) < 1;

/**
 * Parameters of a property: at least `numRuns` runs, the failing seed and path printed with the counter-example. To
 * run it again set FC_SEED, and FC_PATH for that very case; FC_RUNS multiplies the number of runs.
 */
export function runs<T>(numRuns: number): fc.Parameters<T> {
  const { FC_SEED: seed, FC_PATH: path, FC_RUNS: times = '1' } = process.env;
  const chosen = seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed);
  const count = Math.ceil(numRuns * Number(times));
  console.log(`seed ${chosen}, ${count} runs`);
  return {
    numRuns: count,
    seed: chosen,
    ...(path === undefined ? {} : { path }),
    maxSkipsPerRun: 1_000,
  };
}
