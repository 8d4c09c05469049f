import { execFile, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Snapshot } from '../../src/shm/collection.js';
import {
  ABI_LAYOUTS,
  HEADER_BYTES,
  MAX_NAME_BYTES,
  SLOT,
  SLOT_BYTES,
  SLOT_STATE,
} from '../../src/shm/layout.js';
import { mapReadOnly, openSharedMemory } from '../../src/shm/posix.js';
import { Registries } from '../../src/shm/read-collection.js';
import { registryName } from '../../src/shm/registry-name.js';
import { SimulatedSandbox } from '../simulator/sandbox.js';
import { unlinkSharedMemory } from '../simulator/shared-memory.js';
import { eventually } from '../support/eventually.js';
import { tenant, testRegistry } from '../support/home.js';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const MSB = here('node_modules/@superradcompany/microsandbox-linux-x64-gnu/bin/msb');

/** What the vendor's reader reports of a sandbox. */
interface VendorMetrics {
  readonly cpuPercent: number;
  readonly vcpuTimeNs: number;
  readonly memoryBytes: number;
  readonly memoryAvailableBytes: number | null;
  readonly memoryHostResidentBytes: number | null;
  readonly memoryLimitBytes: number;
  readonly diskReadBytes: number;
  readonly diskWriteBytes: number;
  readonly netRxBytes: number;
  readonly netTxBytes: number;
  readonly upperUsedBytes: number | null;
  readonly upperFreeBytes: number | null;
  readonly upperHostAllocatedBytes: number | null;
  readonly uptimeMs: number;
  readonly timestamp: string;
}

async function vendorReads(msbHome: string): Promise<Record<string, VendorMetrics>> {
  const { stdout } = await promisify(execFile)(process.execPath, [here('read.mjs')], {
    env: { ...process.env, MSB_HOME: msbHome },
  });
  return JSON.parse(stdout) as Record<string, VendorMetrics>;
}

function weRead(msbHome: string): Snapshot[] {
  const registries = new Registries(msbHome);
  try {
    return [...registries.read(Date.now(), { maxSampleAgeMillis: 0 })];
  } finally {
    registries.close();
  }
}

/** A directory that is gone after the test. */
function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'msb-metrics-vendor-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describe('what the simulator writes as ABI 3', () => {
  it('the vendor reads as we do, field by field', async () => {
    const msbHome = temporaryDirectory();
    onTestFinished(() => void unlinkSharedMemory(registryName(msbHome, 3)));
    const registry = testRegistry({ msbHome });
    for (let index = 0; index < 20; index++) {
      const slot = registry.start(tenant({ name: `sandbox-${index}`, sandboxId: index + 1 }));
      const simulated = new SimulatedSandbox(index);
      for (let sample = 0; sample <= index; sample++) {
        registry.sample(slot, simulated.next(Date.now()));
      }
    }
    const bare = registry.start(tenant({ name: 'nothing-known' }));
    registry.sample(bare, { sampledAtMillis: Date.now(), memoryLimitBytes: 512 });
    const stale = registry.start(tenant({ name: 'stale' }));
    registry.sample(stale, { sampledAtMillis: Date.now() });
    registry.markStale(stale);

    const vendor = await vendorReads(msbHome);
    const ours = weRead(msbHome);
    expect(ours).toHaveLength(21);
    expect(Object.keys(vendor).sort()).toEqual(ours.map(({ name }) => name).sort());
    for (const snapshot of ours) {
      const theirs = vendor[snapshot.name];
      expect({
        cpuPercent: (snapshot.cpuUtilization ?? 0) * 100,
        vcpuTimeNs: snapshot.vcpuTimeNanos ?? 0,
        memoryBytes: snapshot.memoryUsedBytes ?? 0,
        memoryAvailableBytes: snapshot.memoryAvailableBytes ?? null,
        memoryHostResidentBytes: snapshot.memoryHostResidentBytes ?? null,
        memoryLimitBytes: snapshot.memoryLimitBytes,
        diskReadBytes: snapshot.diskReadBytes,
        diskWriteBytes: snapshot.diskWrittenBytes,
        netRxBytes: snapshot.networkReceivedBytes,
        netTxBytes: snapshot.networkSentBytes,
        upperUsedBytes: snapshot.upperUsedBytes ?? null,
        upperFreeBytes: snapshot.upperFreeBytes ?? null,
        upperHostAllocatedBytes: snapshot.upperHostAllocatedBytes ?? null,
        timestamp: new Date(snapshot.sampledAtMillis).toISOString(),
      }).toEqual({
        cpuPercent: expect.closeTo(theirs.cpuPercent, 4),
        vcpuTimeNs: theirs.vcpuTimeNs,
        memoryBytes: theirs.memoryBytes,
        memoryAvailableBytes: theirs.memoryAvailableBytes,
        memoryHostResidentBytes: theirs.memoryHostResidentBytes,
        memoryLimitBytes: theirs.memoryLimitBytes,
        diskReadBytes: theirs.diskReadBytes,
        diskWriteBytes: theirs.diskWriteBytes,
        netRxBytes: theirs.netRxBytes,
        netTxBytes: theirs.netTxBytes,
        upperUsedBytes: theirs.upperUsedBytes,
        upperFreeBytes: theirs.upperFreeBytes,
        upperHostAllocatedBytes: theirs.upperHostAllocatedBytes,
        timestamp: theirs.timestamp,
      });
    }
  });
});

/** The slot of a sandbox in a registry of ABI 3, whether or not it has been sampled. */
function findSlot(name: string, sandbox: string): { state: number; pid: number } | undefined {
  const layout = ABI_LAYOUTS[2];
  const fd = openSharedMemory(name);
  if (fd === undefined) {
    return undefined;
  }
  const { buffer, unmap } = mapReadOnly(fd, HEADER_BYTES + 16 * SLOT_BYTES);
  try {
    const view = new DataView(buffer);
    for (let at = HEADER_BYTES; at < buffer.byteLength; at += SLOT_BYTES) {
      const length = Math.min(view.getUint16(at + layout.nameLength, true), MAX_NAME_BYTES);
      if (Buffer.from(buffer, at + layout.name, length).toString() === sandbox) {
        return { state: view.getUint32(at + SLOT.state, true), pid: view.getInt32(at + SLOT.pid, true) };
      }
    }
    return undefined;
  } finally {
    unmap();
  }
}

describe('a registry that the vendor creates', () => {
  it('is attached and followed', async (context) => {
    const directory = temporaryDirectory();
    const msbHome = join(directory, 'home');
    const name = registryName(msbHome, 3);
    onTestFinished(() => void unlinkSharedMemory(name));
    const rootfs = join(directory, 'rootfs');
    mkdirSync(join(rootfs, 'bin'), { recursive: true });
    mkdirSync(msbHome);
    // Any program: the runtime takes its slot before it starts the machine, whatever becomes of that.
    copyFileSync(existsSync('/bin/busybox') ? '/bin/busybox' : '/bin/sleep', join(rootfs, 'bin/sleep'));

    const registries = new Registries(msbHome);
    onTestFinished(() => registries.close());
    expect(registries.read(Date.now()).registries.find(({ abi }) => abi === 3)?.state).toBe('absent');

    const msb = spawn(MSB, ['run', '-d', '-n', 'vendor-probe', rootfs, '--', 'sleep', '100'], {
      env: { ...process.env, MSB_HOME: msbHome },
    });
    let said = '';
    msb.stderr.on('data', (text) => {
      said += text;
    });
    const exited = new Promise((resolve) => msb.once('exit', resolve));
    onTestFinished(async () => {
      msb.kill('SIGKILL');
      await exited;
      const slot = findSlot(name, 'vendor-probe');
      if (slot !== undefined && slot.pid > 0) {
        try {
          process.kill(slot.pid, 'SIGKILL');
        } catch {
          // It has ended by itself.
        }
      }
    });

    const attached = await Promise.race([
      eventually(() =>
        registries.read(Date.now()).registries.find(({ abi, state }) => abi === 3 && state === 'attached'),
      ),
      exited.then(() => undefined),
    ]);
    if (attached === undefined) {
      context.skip(`this host lets msb create no registry: ${said.trim()}`);
      return;
    }
    expect(attached).toMatchObject({ name, capacity: 1024 });
    // The runtime reserves its slot first and enters its process a moment later.
    const owned = (): ReturnType<typeof findSlot> => {
      const slot = findSlot(name, 'vendor-probe');
      return slot !== undefined && slot.pid > 1 ? slot : undefined;
    };
    const slot = await Promise.race([eventually(owned), exited.then(() => findSlot(name, 'vendor-probe'))]);
    expect([SLOT_STATE.reserved, SLOT_STATE.active, SLOT_STATE.stale]).toContain(slot?.state);
    // Without a sample there is nothing to report; where the host can run the machine, there will be.
    for (const snapshot of registries.read(Date.now())) {
      expect(snapshot.name).toBe('vendor-probe');
    }
  });
});
