/**
 * The runtime's side of the demo: sandboxes that are sampled every second, one of which restarts halfway, and msb's catalog with
 * a label for each.
 */
import { simulateCatalog } from '../test/simulator/catalog.js';
import { type Sample, SimulatedRegistry } from '../test/simulator/registry.js';
import { SimulatedSandbox } from '../test/simulator/sandbox.js';
import type { WrittenMessage } from './messages.js';

const [msbHome, count] = process.argv.slice(2);
const SAMPLE_MILLIS = 1_000;
const RESTART_AFTER_TICKS = 8;

const nameOf = (index: number): string => `sandbox-${String(index).padStart(2, '0')}`;

const catalog = simulateCatalog(
  msbHome,
  Array.from({ length: Number(count) }, (_, index) => ({
    id: index + 1,
    name: nameOf(index + 1),
    labels: { 'user.id': `user-${index % 5}` },
  })),
);
const registry = SimulatedRegistry.create({ msbHome, abi: 3 });

function start(index: number, run: number) {
  const name = nameOf(index);
  const slot = registry.start({
    name,
    sandboxId: index,
    runId: run,
    pid: process.pid,
    startedAtMillis: Date.now() - Math.floor(index * 61_700 * (run === index ? 1 : 0)),
  });
  return { name, index, slot, simulated: new SimulatedSandbox(run) };
}

const sandboxes = Array.from({ length: Number(count) }, (_, index) => start(index + 1, index + 1));
let ticks = 0;

const timer = setInterval(() => {
  ticks++;
  if (ticks === RESTART_AFTER_TICKS) {
    const [first] = sandboxes;
    registry.release(first.slot);
    sandboxes[0] = start(first.index, first.index + 1_000);
  }
  const samples = sandboxes.map(({ name, slot, simulated }): { name: string; sample: Sample } => {
    const sample = simulated.next(Date.now(), SAMPLE_MILLIS);
    registry.sample(slot, sample);
    return { name, sample };
  });
  process.send?.({ type: 'written', samples } satisfies WrittenMessage);
}, SAMPLE_MILLIS);

process.on('SIGINT', () => {});
process.on('message', (message) => {
  if (message === 'pause') {
    clearInterval(timer);
  }
});
process.on('disconnect', () => {
  clearInterval(timer);
  registry.destroy();
  catalog.close();
});
