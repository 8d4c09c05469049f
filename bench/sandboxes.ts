/**
 * A process of simulated sandboxes, sampled at an interval, for a sidecar to read. Runs until its parent goes.
 *
 *     sandboxes.ts <msb home> <count> <interval ms> [number of registries, 1 to 3]
 */
import { SimulatedRegistry } from '../test/simulator/registry.js';
import { SimulatedSandbox } from '../test/simulator/sandbox.js';

const [msbHome, count, intervalMillis, registriesText = '1'] = process.argv.slice(2);
const abis = [3, 2, 1].slice(0, Number(registriesText));
const inEach = Math.ceil(Number(count) / abis.length);
// msb has 1,024 slots, or the next power of two, or a part of it.
const capacity = Math.max(1_024, Math.ceil(inEach / 1_024) * 1_024);
const registries = abis.map((abi) => SimulatedRegistry.create({ msbHome, abi, capacity }));
const sandboxes = Array.from({ length: Number(count) }, (_, index) => {
  const registry = registries[Math.floor(index / inEach)];
  return {
    registry,
    slot: registry.startAt(index % inEach, {
      name: `sandbox-${String(index).padStart(4, '0')}`,
      sandboxId: index + 1,
      runId: index + 1,
      pid: process.pid,
      startedAtMillis: Date.now(),
    }),
    simulated: new SimulatedSandbox(index),
  };
});
const tick = (): void => {
  for (const { registry, slot, simulated } of sandboxes) {
    registry.sample(slot, simulated.next(Date.now()));
  }
};
tick();
tick();
setInterval(tick, Number(intervalMillis));
process.send?.('ready');
process.on('disconnect', () => {
  for (const registry of registries) {
    registry.destroy();
  }
  process.exit();
});
