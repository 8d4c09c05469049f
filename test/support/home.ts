import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { registryName } from '../../src/shm/registry-name.js';
import { SimulatedRegistry, type SimulatedRegistryOptions, type Tenant } from '../simulator/registry.js';
import { unlinkSharedMemory } from '../simulator/shared-memory.js';

/** An MSB_HOME of this test's own. Whatever registries it gets are gone after the test. */
export function testHome(): string {
  const msbHome = `/nonexistent/msb-metrics-test-${process.pid}-${randomBytes(6).toString('hex')}`;
  const { MSB_METRICS_TEST_HOMES: homes } = process.env;
  if (homes !== undefined) {
    appendFileSync(homes, `${registryName(msbHome, 1).slice(1, -1)}\n`);
  }
  onTestFinished(() => {
    for (let abi = 1; abi <= 9; abi++) {
      unlinkSharedMemory(registryName(msbHome, abi));
    }
  });
  return msbHome;
}

/** A simulated registry whose mapping is given back after the test. */
export function testRegistry(
  options: Omit<SimulatedRegistryOptions, 'abi'> & { readonly abi?: number },
): SimulatedRegistry {
  const registry = SimulatedRegistry.create({ abi: 3, ...options });
  onTestFinished(() => registry.close());
  return registry;
}

/** A tenant that is alive: this process. */
export function tenant(overrides: Partial<Tenant> = {}): Tenant {
  return {
    name: 'devbox',
    sandboxId: 33,
    runId: 7,
    pid: process.pid,
    startedAtMillis: Date.now() - 60_000,
    ...overrides,
  };
}
