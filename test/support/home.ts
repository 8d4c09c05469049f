import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { registryName } from '../../src/shm/registry-name.js';
import { SimulatedRegistry, type SimulatedRegistryOptions, type Tenant } from '../simulator/registry.js';
import { unlinkSharedMemory } from '../simulator/shared-memory.js';

/** An MSB_HOME of this test's own. Whatever registries it gets are gone after the test. */
export function testHome(): string {
  // Root reads the registries of the owner of this folder, so it has to exist.
  const msbHome = mkdtempSync(join(tmpdir(), 'msb-metrics-test-'));
  const { MSB_METRICS_TEST_HOMES: homes } = process.env;
  if (homes !== undefined) {
    appendFileSync(homes, `${registryName(msbHome, 1).slice(1, -1)}\n`);
  }
  onTestFinished(() => {
    rmSync(msbHome, { recursive: true, force: true });
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
