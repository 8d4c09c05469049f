/**
 * The sidecar with a spool in a folder that is a small file system, which is filled and emptied. Prints what came of it as JSON.
 *
 *     full-disk.ts <folder>
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GrpcReply, startGrpcReceiver } from '../receiver/receiver.js';
import { SimulatedRegistry } from '../simulator/registry.js';
import { sandboxPoints } from '../support/arrived.js';
import { eventually } from '../support/eventually.js';
import { untilRead } from '../support/until-read.js';
import { CLI, start } from './namespaces.js';

const [folder] = process.argv.slice(2);
const msbHome = mkdtempSync(join(tmpdir(), 'msb-metrics-full-home-'));
const registry = SimulatedRegistry.create({ msbHome, abi: 3, capacity: 64 });
const slot = registry.start({
  name: 'devbox',
  sandboxId: 1,
  runId: 1,
  pid: process.pid,
  startedAtMillis: Date.now() - 1_000,
});
let isWell = false;
const away: GrpcReply = { kind: 'status', code: 14, details: 'away' };
const receiver = await startGrpcReceiver({ reply: () => (isWell ? { kind: 'ok' } : away) });
const written: number[] = [];
process.once('exit', () => {
  registry.destroy();
  rmSync(msbHome, { recursive: true, force: true });
});
const { child, exit, output } = start(process.execPath, [
  CLI,
  'otel',
  `--endpoint=http://127.0.0.1:${receiver.port}`,
  `--msb-home=${msbHome}`,
  `--spool-dir=${folder}`,
  '--collect-interval=20ms',
  '--flush-interval=100ms',
  '--max-buffered=100000',
  '--no-labels',
  '--log-level=debug',
]);
let isSampling = true;
const sampling = (async () => {
  while (isSampling) {
    const sampledAtMillis = Date.now();
    registry.sample(slot, { sampledAtMillis, memoryUsedBytes: 1 });
    written.push(sampledAtMillis);
    // A sample that is overwritten before it was read is not one that can be lost.
    await untilRead(output);
  }
})();
await eventually(() => output().includes('spool opened'));
await eventually(() => output().includes('they go to the spool'));
try {
  writeFileSync(join(folder, 'filler'), Buffer.alloc(1 << 20));
} catch {
  // Full.
}
await eventually(() => output().includes('the spool cannot be used'));
const before = written.length;
await eventually(() => written.length > before + 3);
rmSync(join(folder, 'filler'));
await eventually(() => output().includes('the spool can be written again'));
isWell = true;
isSampling = false;
await sampling;
const arrived = () =>
  new Set(
    receiver.accepted.flatMap(({ points }) => sandboxPoints(points).map(({ timeMillis }) => timeMillis)),
  );
const missing = () => written.filter((time) => !arrived().has(time)).length;
await eventually(() => missing() === 0);
child.kill('SIGTERM');
const { code } = await exit;
await receiver.close();
console.log(
  JSON.stringify({
    failures: output().split('WARN msb_metrics::otlp: the spool cannot be used').length === 2,
    recovered: output().split('the spool can be written again').length === 2,
    missing: missing(),
    exit: code,
  }),
);
process.exit(0);
