import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SandboxRun } from '../../src/shm/collection.js';
import { COLUMN } from '../../src/shm/columns.js';
import { ABI_LAYOUTS, HEADER_BYTES, regionBytes, SLOT_BYTES } from '../../src/shm/layout.js';
import { openSharedMemory } from '../../src/shm/posix.js';
import { openRegion, type Region, type RegionAccess } from '../../src/shm/region.js';
import { registryName } from '../../src/shm/registry-name.js';
import { SlotReader } from '../../src/shm/slots.js';
import { testHome } from '../support/home.js';

const SLOTS = 8;
const LAYOUT = ABI_LAYOUTS[2];
const TIMES = Number(process.env.STRESS ?? '1');

/** Opens the registry that a writer process of its own hammers. */
async function hammered(what: 'samples' | 'owners', access: RegionAccess): Promise<Region> {
  const msbHome = testHome();
  const writer = fork(fileURLToPath(new URL('hammer.ts', import.meta.url)), [msbHome, String(SLOTS), what], {
    execArgv: ['--import', 'tsx'],
  });
  const exited = once(writer, 'exit');
  await once(writer, 'message');
  const fd = openSharedMemory(registryName(msbHome, 3)) ?? -1;
  const region = openRegion(fd, regionBytes(SLOTS), access);
  onTestFinished(async () => {
    region.close();
    closeSync(fd);
    writer.disconnect();
    await exited;
  });
  return region;
}

/** What a row says, field by field, as the number that it should all be. */
function numbersIn(run: SandboxRun, values: Float64Array, owner: boolean): number[] {
  const high = (value: number): number => value % 2 ** 32;
  return [
    values[COLUMN.sampledAtMillis] - 1_000_000_000_000,
    Math.round(values[COLUMN.cpuUtilization] * 100),
    high(values[COLUMN.vcpuTimeNanos]),
    Math.floor(values[COLUMN.vcpuTimeNanos] / 2 ** 32),
    values[COLUMN.memoryUsedBytes],
    values[COLUMN.memoryLimitBytes],
    values[COLUMN.memoryAvailableBytes],
    values[COLUMN.memoryHostResidentBytes],
    values[COLUMN.diskReadBytes],
    values[COLUMN.diskWrittenBytes],
    values[COLUMN.networkReceivedBytes],
    values[COLUMN.networkSentBytes],
    values[COLUMN.upperUsedBytes],
    values[COLUMN.upperFreeBytes],
    Math.floor(values[COLUMN.upperHostAllocatedBytes] / 2 ** 32),
    ...(owner
      ? [run.sandboxId, run.runId, run.startedAtMillis, Number(run.name.slice('owner-'.length))]
      : []),
  ];
}

/** Reads until so many rows were seen, and until they differ: how soon that is depends on the machine. */
async function readRows(what: 'samples' | 'owners', access: RegionAccess, rows: number, different: number) {
  const region = await hammered(what, access);
  const reader = new SlotReader(LAYOUT, new Map());
  const seen = new Set<number>();
  let read = 0;
  let torn = 0;
  let disagreements = 0;
  const sink = {
    add: (run: SandboxRun, values: Float64Array) => {
      read++;
      const [first, ...others] = numbersIn(run, values, what === 'owners');
      disagreements += others.some((other) => other !== first) ? 1 : 0;
      if (read % 64 === 0) {
        seen.add(first);
      }
      return true;
    },
  };
  const filter = {
    nowMillis: 0,
    oldestSampleMillis: 0,
    newestSampleMillis: Number.POSITIVE_INFINITY,
    processExists: () => true,
  };
  while (read < rows || seen.size < different) {
    torn += reader.read(region, SLOTS, filter, sink).skipped.torn;
  }
  console.log(
    `${read} rows read (${access}) beside a writer of ${what}: ${disagreements} mixed, ${torn} given up, ${seen.size} different ones sampled`,
  );
  return disagreements;
}

describe.each<RegionAccess>([
  'read',
  'map',
])('beside a writer that never rests, by the access %s', (access) => {
  it(
    'no row of 400,000 is torn',
    async () => {
      expect(await readRows('samples', access, 400_000 * TIMES, 100)).toBe(0);
    },
    60_000 * TIMES,
  );

  it(
    'no row of 150,000 mixes two owners of a slot',
    async () => {
      expect(await readRows('owners', access, 150_000 * TIMES, 100)).toBe(0);
    },
    60_000 * TIMES,
  );

  it(
    'a reader that compares nothing reads torn rows: the check can fail',
    async () => {
      const region = await hammered('samples', access);
      const copy = new Uint8Array(SLOTS * SLOT_BYTES);
      const words = new Uint32Array(copy.buffer);
      let torn = 0;
      while (torn === 0) {
        region.copy(copy, HEADER_BYTES);
        for (let slot = 0; slot < SLOTS; slot++) {
          const at = (slot * SLOT_BYTES) / 4;
          const first = words[at + LAYOUT.memoryLimit.offset / 4];
          const last = words[at + (LAYOUT.upperFree?.offset ?? 0) / 4];
          torn += first === last ? 0 : 1;
        }
      }
      expect(torn).toBeGreaterThan(0);
    },
    60_000 * TIMES,
  );
});
