/**
 * A process of simulated sandboxes, sampled at an interval, for a sidecar to read. Runs until its parent goes.
 *
 *     sandboxes.ts <msb home> <count> <interval ms>
 */
import { SimulatedRegistry } from '../test/simulator/registry.js';
import { SimulatedSandbox } from '../test/simulator/sandbox.js';

const [msbHome, count, intervalMillis] = process.argv.slice(2);
const registry = SimulatedRegistry.create({ msbHome, abi: 3, capacity: Math.max(1_024, Number(count)) });
const sandboxes = Array.from({ length: Number(count) }, (_, index) => ({
  slot: registry.startAt(index, {
    name: `sandbox-${String(index).padStart(4, '0')}`,
    sandboxId: index + 1,
    runId: index + 1,
    pid: process.pid,
    startedAtMillis: Date.now(),
  }),
  simulated: new SimulatedSandbox(index),
}));
const tick = (): void => {
  for (const { slot, simulated } of sandboxes) {
    registry.sample(slot, simulated.next(Date.now()));
  }
};
tick();
tick();
setInterval(tick, Number(intervalMillis));
process.send?.('ready');
process.on('disconnect', () => {
  registry.destroy();
  process.exit();
});
