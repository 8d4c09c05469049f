import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SandboxRun } from '../../src/shm/collection.js';
import { COLUMN } from '../../src/shm/columns.js';
import { ABI_LAYOUTS, HEADER_BYTES, regionBytes, SLOT, SLOT_BYTES } from '../../src/shm/layout.js';
import { mapReadOnly, openSharedMemory } from '../../src/shm/posix.js';
import { registryName } from '../../src/shm/registry-name.js';
import { SlotReader } from '../../src/shm/slots.js';
import { testHome } from '../support/home.js';

const SLOTS = 8;
const LAYOUT = ABI_LAYOUTS[2];
const TIMES = Number(process.env.STRESS ?? '1');

/** Maps the registry that a writer process of its own hammers. */
async function hammered(what: 'samples' | 'owners'): Promise<ArrayBuffer> {
  const msbHome = testHome();
  const writer = fork(fileURLToPath(new URL('hammer.ts', import.meta.url)), [msbHome, String(SLOTS), what], {
    execArgv: ['--import', 'tsx'],
  });
  const exited = once(writer, 'exit');
  await once(writer, 'message');
  const fd = openSharedMemory(registryName(msbHome, 3)) ?? -1;
  const mapping = mapReadOnly(fd, regionBytes(SLOTS));
  closeSync(fd);
  onTestFinished(async () => {
    mapping.unmap();
    writer.disconnect();
    await exited;
  });
  return mapping.buffer;
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

async function readRows(what: 'samples' | 'owners', rows: number) {
  const buffer = await hammered(what);
  const reader = new SlotReader(buffer, LAYOUT, new Array(SLOTS).fill(undefined));
  const seen = new Set<number>();
  let read = 0;
  let disagreements = 0;
  const sink = {
    add: (run: SandboxRun, values: Float64Array) => {
      read++;
      const [first, ...others] = numbersIn(run, values, what === 'owners');
      disagreements += others.some((other) => other !== first) ? 1 : 0;
      if (read % 64 === 0) {
        seen.add(first);
      }
    },
  };
  while (read < rows) {
    reader.read({ oldestSampleMillis: 0, isAlive: () => true }, sink);
  }
  console.log(
    `${read} rows read beside a writer of ${what}, ${disagreements} torn, ${seen.size} different ones sampled`,
  );
  return { disagreements, seen: seen.size };
}

describe('beside a writer that never rests', () => {
  it(
    'no row of 5 million is torn',
    async () => {
      const { disagreements, seen } = await readRows('samples', 5_000_000 * TIMES);
      expect(disagreements).toBe(0);
      expect(seen).toBeGreaterThan(1_000);
    },
    60_000 * TIMES,
  );

  it(
    'no row of a million mixes two owners of a slot',
    async () => {
      const { disagreements, seen } = await readRows('owners', 1_000_000 * TIMES);
      expect(disagreements).toBe(0);
      expect(seen).toBeGreaterThan(1_000);
    },
    60_000 * TIMES,
  );

  it('a reader that does not look a second time reads torn rows: the check can fail', async () => {
    const buffer = await hammered('samples');
    const words = new Uint32Array(buffer);
    let torn = 0;
    for (let read = 0; read < 200_000_000 && torn === 0; read++) {
      const at = (HEADER_BYTES + (read % SLOTS) * SLOT_BYTES) / 4;
      if (words[at + SLOT.seq / 4] % 2 === 0) {
        const first = words[at + LAYOUT.memoryLimit.offset / 4];
        const last = words[at + (LAYOUT.upperFree?.offset ?? 0) / 4];
        torn += first === last ? 0 : 1;
      }
    }
    expect(torn).toBeGreaterThan(0);
  });
});
