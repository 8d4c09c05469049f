/**
 * Makes a sparse registry with three slots in use in a /dev/shm that is full after that, runs the sidecar on it, and
 * prints what came of both as JSON. Run it in a mount namespace with a small tmpfs on /dev/shm.
 *
 *     sparse-registry.ts <capacity>
 */
import { closeSync, ftruncateSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { HEADER, HEADER_BYTES, regionBytes, SLOT_BYTES } from '../../src/shm/layout.js';
import { registryName } from '../../src/shm/registry-name.js';
import { SimulatedRegistry } from '../simulator/registry.js';
import { temporaryHome } from '../support/temporary-home.js';
import { CLI, start, until } from './namespaces.js';

const capacity = Number(process.argv[2]);
const msbHome = temporaryHome();
const path = `/dev/shm${registryName(msbHome, 3)}`;

const source = SimulatedRegistry.inMemory(3, 3);
source.view.setUint32(HEADER.capacity, capacity, true);
const fd = openSync(path, 'w', 0o600);
ftruncateSync(fd, regionBytes(capacity));
writeSync(fd, source.bytes, 0, HEADER_BYTES, 0);
[0, Math.floor(capacity / 2), capacity - 1].forEach((slot, index) => {
  source.sample(
    source.start({
      name: `sandbox-${slot}`,
      sandboxId: slot + 1,
      runId: 1,
      pid: process.pid,
      startedAtMillis: Date.now() - 1_000,
    }),
    { sampledAtMillis: Date.now() },
  );
  const at = HEADER_BYTES + index * SLOT_BYTES;
  writeSync(fd, source.bytes, at, SLOT_BYTES, HEADER_BYTES + slot * SLOT_BYTES);
});
closeSync(fd);
const blocksBefore = statSync(path).blocks;
try {
  for (let file = 0; ; file++) {
    writeFileSync(`/dev/shm/filler-${file}`, Buffer.alloc(4_096));
  }
} catch {
  // Full now.
}

const run = start(process.execPath, [
  CLI,
  'stdout',
  `--msb-home=${msbHome}`,
  '--collect-interval=50ms',
  '--flush-interval=50ms',
]);
const isOver = (): boolean => run.child.exitCode !== null || run.child.signalCode !== null;
await until(() => isOver() || (run.output().match(/sandbox=/gu)?.length ?? 0) >= 9, 'three readings');
run.child.kill('SIGTERM');
const exit = await run.exit;
console.log(
  JSON.stringify({
    exit,
    names: [...new Set(Array.from(run.output().matchAll(/sandbox=(\S+)/gu), ([, name]) => name))],
    blocksBefore,
    blocksAfter: statSync(path).blocks,
  }),
);
