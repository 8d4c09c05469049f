import { closeSync, ftruncateSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { regionBytes } from '../../src/shm/layout.js';
import { registryName } from '../../src/shm/registry-name.js';
import { openForWriting } from '../simulator/shared-memory.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

/** Readings that the process must survive while its registry comes and goes. */
const READINGS = 300 * Number(process.env.STRESS ?? '1');

describe('a registry that is truncated again and again while it is read', () => {
  it('does not end the process', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    for (let slot = 0; slot < 1_024; slot++) {
      registry.sample(registry.startAt(slot, tenant()), { sampledAtMillis: Date.now() });
    }
    const run = new Cli([
      'stdout',
      `--msb-home=${msbHome}`,
      '--collect-interval=1ms',
      '--flush-interval=1s',
      '--log-level=debug',
    ]);
    const readings = (): number => run.stderr.split(': collected ').length - 1;
    const isAlive = (): boolean => run.child.exitCode === null && run.child.signalCode === null;
    await eventually(() => readings() > 0);
    const fd = openForWriting(registryName(msbHome, 3));
    for (const before = readings(); readings() - before < READINGS && isAlive(); ) {
      // The header stays, so that each reading takes the region for whole.
      for (let round = 0; round < 2_000; round++) {
        ftruncateSync(fd, 4_096);
        ftruncateSync(fd, regionBytes(1_024));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    closeSync(fd);
    expect([run.child.exitCode, run.child.signalCode]).toEqual([null, null]);
    expect(await run.stop()).toBe(0);
  });
});
