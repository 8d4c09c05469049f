/**
 * Reads random and mutated regions through real mappings, in a process of its own: what must not happen here would
 * take the process down. Prints what it saw as JSON.
 *
 *     hostile.ts <msb home> <runs> <seed>
 */
import { closeSync, ftruncateSync, writeSync } from 'node:fs';
import * as fc from 'fast-check';
import { HEADER, HEADER_BYTES, regionBytes, SLOT, SLOT_BYTES } from '../../src/shm/layout.js';
import { Registries } from '../../src/shm/read-collection.js';
import { registryName } from '../../src/shm/registry-name.js';
import { SimulatedRegistry } from '../simulator/registry.js';
import { openForWriting, unlinkSharedMemory } from '../simulator/shared-memory.js';

const [msbHome, runs, seed] = process.argv.slice(2);
const CAPACITY = 4;
const NOW = 1_790_000_000_000;

/** Values that are awkward in some field or other. */
const awkward = fc.oneof(
  fc.constantFrom(
    0n,
    1n,
    2n,
    3n,
    127n,
    128n,
    129n,
    65_535n,
    2n ** 31n - 1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
  ),
  fc.constantFrom(0x7ff0000000000000n, 0xfff0000000000000n, 0x7ff8000000000000n, 0x7f8000007fc00000n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const offsets = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...Object.values(HEADER)) },
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.nat(CAPACITY - 1), fc.constantFrom(...Object.values(SLOT), 0x38, 0x50, 0xa8, 0xb0))
      .map(([slot, offset]) => HEADER_BYTES + slot * SLOT_BYTES + offset),
  },
  { weight: 4, arbitrary: fc.integer({ min: HEADER_BYTES, max: regionBytes(CAPACITY) - 8 }) },
);
const regions = fc.record({
  mutations: fc.array(fc.record({ offset: offsets, value: awkward, bytes: fc.constantFrom(2, 4, 8) }), {
    maxLength: 8,
  }),
  size: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.nat(regionBytes(CAPACITY)),
        fc.constantFrom(0, 255, 256, 257, regionBytes(CAPACITY) - 1, 1 << 21),
      ),
    },
  ),
  garbage: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 600 }) },
  ),
});

const name = registryName(msbHome, 3);
const seen: Record<string, number> = {};
let rows = 0;
const registries = new Registries(msbHome);

fc.assert(
  fc.property(regions, ({ mutations, size, garbage }) => {
    unlinkSharedMemory(name);
    const registry = SimulatedRegistry.create({ msbHome, abi: 3, capacity: CAPACITY });
    for (let index = 0; index < CAPACITY; index++) {
      const slot = registry.start({
        name: `sandbox-${index}`,
        sandboxId: index,
        runId: index,
        pid: process.pid,
        startedAtMillis: NOW - 1_000,
      });
      registry.sample(slot, { sampledAtMillis: NOW, cpuPercent: 1, memoryUsedBytes: 1 });
    }
    for (const { offset, value, bytes } of mutations) {
      const at = Math.min(offset, registry.bytes.length - bytes);
      if (bytes === 8) {
        registry.view.setBigUint64(at, value, true);
      } else if (bytes === 4) {
        registry.view.setUint32(at, Number(value & 0xffffffffn), true);
      } else {
        registry.view.setUint16(at, Number(value & 0xffffn), true);
      }
    }
    registry.close();
    const fd = openForWriting(name);
    if (garbage !== undefined) {
      writeSync(fd, garbage, 0, garbage.length, 0);
    }
    if (size !== undefined) {
      ftruncateSync(fd, size);
    }
    closeSync(fd);

    for (const options of [{}, { maxSampleAgeMillis: 0 }]) {
      const collection = registries.read(NOW, options);
      const status = collection.registries.find(({ abi }) => abi === 3);
      if (status === undefined || (status.state === 'refused' && !/expected/u.test(status.message))) {
        throw new Error(`no clear message: ${JSON.stringify(status)}`);
      }
      seen[status.state] = (seen[status.state] ?? 0) + 1;
      for (const snapshot of collection) {
        rows++;
        const values = Object.values(snapshot).filter((value) => typeof value === 'number');
        if (
          values.some((value) => Number.isNaN(value)) ||
          Buffer.byteLength(snapshot.name) > 3 * 128 ||
          snapshot.pid <= 0
        ) {
          throw new Error(`not fit to be reported: ${JSON.stringify(snapshot)}`);
        }
      }
    }
  }),
  { numRuns: Number(runs), seed: Number(seed) },
);
registries.close();
unlinkSharedMemory(name);
console.log(
  JSON.stringify({
    runs: Number(runs),
    seed: Number(seed),
    seen,
    rows,
    rssMiB: Math.round(process.memoryUsage().rss / 2 ** 20),
  }),
);
