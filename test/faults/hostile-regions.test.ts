import { execFile } from 'node:child_process';
import { closeSync, ftruncateSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { HEADER } from '../../src/shm/layout.js';
import { Registries } from '../../src/shm/read-collection.js';
import { registryName } from '../../src/shm/registry-name.js';
import { openForWriting } from '../simulator/shared-memory.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

const TIMES = Number(process.env.STRESS ?? '1');

describe('a region of any content', () => {
  it(
    'ends in no crash, no hang and no nonsense, over thousands of real mappings',
    async () => {
      const msbHome = testHome();
      const seed = Math.floor(Math.random() * 2 ** 31);
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          '--import',
          'tsx',
          fileURLToPath(new URL('hostile.ts', import.meta.url)),
          msbHome,
          String(3_000 * TIMES),
          String(seed),
        ],
        { timeout: 100_000 * TIMES },
      ).catch((error) => {
        throw new Error(`seed ${seed}: ${error.signal ?? ''} ${error.stderr}`);
      });
      console.log(stdout.trim());
      const { seen, rows } = JSON.parse(stdout);
      expect(seen.attached).toBeGreaterThan(100);
      expect(seen.refused).toBeGreaterThan(100);
      expect(seen.initialising).toBeGreaterThan(10);
      expect(rows).toBeGreaterThan(1_000);
    },
    100_000 * TIMES,
  );

  it('that claims 2^32-1 slots in a sparse object of that size is refused, and nothing is allocated for it', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome, capacity: 1 });
    registry.view.setUint32(HEADER.capacity, 2 ** 32 - 1, true);
    const fd = openForWriting(registryName(msbHome, 3));
    ftruncateSync(fd, 256 + 512 * (2 ** 32 - 1));
    closeSync(fd);
    const before = process.memoryUsage().rss;
    const registries = new Registries(msbHome);
    const status = registries.read(Date.now()).registries.find(({ abi }) => abi === 3);
    registries.close();
    expect(status?.message).toContain('has a capacity of 4294967295 slots: expected 1 to 131072');
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
  });

  it('of 10,000 slots is read whole', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome, capacity: 10_000 });
    const now = Date.now();
    for (let slot = 0; slot < 10_000; slot++) {
      registry.sample(registry.startAt(slot, tenant()), { sampledAtMillis: now });
    }
    const registries = new Registries(msbHome);
    expect(registries.read(now).size).toBe(10_000);
    registries.close();
  });
});
