import { onTestFinished } from 'vitest';
import type { Receiver } from '../receiver/receiver.js';
import { type Sample, SimulatedRegistry } from '../simulator/registry.js';
import { SimulatedSandbox } from '../simulator/sandbox.js';
import { sandboxPoints } from './arrived.js';
import { tenant } from './home.js';
import { Ledger } from './ledger.js';

/** What the simulator wrote, by sandbox. */
export interface Written {
  readonly name: string;
  readonly sandboxId: number;
  readonly startedAtMillis: number;
  readonly samples: Sample[];
}

/** A ledger of what was written and of what a receiver has accepted. */
export function ledgerOf(
  written: readonly Written[],
  { accepted }: Pick<Receiver, 'accepted'>,
  abi = 3,
): Ledger {
  const ledger = new Ledger(abi);
  for (const { name, samples } of written) {
    for (const sample of samples) {
      ledger.write(name, sample);
    }
  }
  for (const { bytes, points } of accepted) {
    ledger.arrive(bytes, sandboxPoints(points));
  }
  return ledger;
}

/**
 * Sandboxes of this process that are sampled at once and then every `intervalMillis`, or only by `tick` where that is
 * infinite, and a ledger of what was written.
 */
export function sampleSandboxes(options: {
  readonly msbHome: string;
  readonly count: number;
  readonly intervalMillis: number;
  readonly abi?: number;
}): { written: Written[]; registry: SimulatedRegistry; tick(): void; stop(): void } {
  const { msbHome, count, intervalMillis, abi = 3 } = options;
  const registry = SimulatedRegistry.create({ msbHome, abi, capacity: Math.max(1024, count) });
  const sandboxes = Array.from({ length: count }, (_, index) => {
    const who = tenant({ name: `sandbox-${index}`, sandboxId: index + 1, runId: 100 + index });
    const ledger: Written = { ...who, name: String(who.name), samples: [] };
    return { slot: registry.start(who), simulated: new SimulatedSandbox(index), ledger };
  });
  const tick = (): void => {
    for (const { slot, simulated, ledger } of sandboxes) {
      const sample = simulated.next(Date.now());
      registry.sample(slot, sample);
      ledger.samples.push(sample);
    }
  };
  tick();
  const timer = Number.isFinite(intervalMillis) ? setInterval(tick, intervalMillis) : undefined;
  let open = true;
  const stop = (): void => clearInterval(timer);
  onTestFinished(() => {
    stop();
    if (open) {
      open = false;
      registry.destroy();
    }
  });
  return { written: sandboxes.map(({ ledger }) => ledger), registry, tick, stop };
}
