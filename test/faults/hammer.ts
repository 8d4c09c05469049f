/**
 * A writer process that hammers the slots of a registry: every field of a sample is made from one number, and so are
 * the ids and the name of who takes a slot over. Runs until its parent goes.
 *
 *     hammer.ts <msb home> <slots> samples|owners
 */
import { SimulatedRegistry } from '../simulator/registry.js';
import { hammerSample, hammerTenant } from './hammer-values.js';

const [msbHome, slots, what] = process.argv.slice(2);
const registry = SimulatedRegistry.create({ msbHome, abi: 3, capacity: Number(slots) });
let number = 0;
for (let slot = 0; slot < registry.capacity; slot++) {
  registry.sample(registry.start(hammerTenant(++number, process.ppid)), hammerSample(number));
}
process.send?.('ready');

const BURST = 2_000;
function burst(): void {
  for (let count = 0; count < BURST; count++) {
    const slot = count % registry.capacity;
    number = (number + 1) % 1_000_000;
    if (what === 'owners') {
      registry.release(slot);
      registry.start(hammerTenant(number, process.ppid));
    }
    registry.sample(slot, hammerSample(number));
  }
  setImmediate(burst);
}
burst();
process.on('disconnect', () => {
  registry.destroy();
  process.exit();
});
