import { execFileSync, spawn } from 'node:child_process';
import { closeSync, ftruncateSync, readdirSync, statSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Collection } from '../../src/shm/collection.js';
import { HEADER, SLOT } from '../../src/shm/layout.js';
import { Registries, readRegistry } from '../../src/shm/read-collection.js';
import { registryName } from '../../src/shm/registry-name.js';
import { RegistryError } from '../../src/shm/registry-status.js';
import type { Sample } from '../simulator/registry.js';
import { mapForWriting, openForWriting, unlinkSharedMemory } from '../simulator/shared-memory.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

const now = 1_790_000_000_123;

const sample: Sample = {
  sampledAtMillis: now - 500,
  cpuPercent: 12.5,
  vcpuTimeNanos: 5_000_000_000,
  memoryUsedBytes: 14_260_634,
  memoryLimitBytes: 536_870_912,
  memoryAvailableBytes: 400_000_000,
  memoryHostResidentBytes: 20_000_000,
  diskReadBytes: 93_637_837,
  diskWrittenBytes: 676_017_000,
  networkReceivedBytes: 2 ** 40 + 3,
  networkSentBytes: 274_944,
  upperUsedBytes: 1_000,
  upperFreeBytes: 2_000,
  upperHostAllocatedBytes: 3_000,
};

function registriesOf(msbHome: string): Registries {
  const registries = new Registries(msbHome);
  onTestFinished(() => registries.close());
  return registries;
}

const names = (collection: Collection): string[] => Array.from(collection, ({ name }) => name);
const stateOf = (collection: Collection, abi: number) =>
  collection.registries.find((each) => each.abi === abi)?.state;
const messageOf = (collection: Collection, abi: number) =>
  collection.registries.find((each) => each.abi === abi)?.message;

describe('a sample is read field by field', () => {
  const expected = {
    name: 'devbox',
    sandboxId: 33,
    runId: 7,
    pid: process.pid,
    startedAtMillis: now - 60_000,
    sampledAtMillis: now - 500,
    labels: new Map(),
    uptimeSeconds: 59.5,
    cpuUtilization: 0.125,
    memoryUsedBytes: sample.memoryUsedBytes,
    memoryLimitBytes: sample.memoryLimitBytes,
    diskReadBytes: sample.diskReadBytes,
    diskWrittenBytes: sample.diskWrittenBytes,
    networkReceivedBytes: sample.networkReceivedBytes,
    networkSentBytes: sample.networkSentBytes,
  };
  const fromAbi2 = {
    vcpuTimeNanos: sample.vcpuTimeNanos,
    memoryAvailableBytes: sample.memoryAvailableBytes,
    memoryHostResidentBytes: sample.memoryHostResidentBytes,
  };
  const fromAbi3 = { upperUsedBytes: 1_000, upperFreeBytes: 2_000, upperHostAllocatedBytes: 3_000 };

  it.each([
    [1, { ...expected, abi: 1 }],
    [2, { ...expected, ...fromAbi2, abi: 2 }],
    [3, { ...expected, ...fromAbi2, ...fromAbi3, abi: 3 }],
  ])('of ABI %i', (abi, snapshot) => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome, abi });
    registry.sample(registry.start(tenant({ startedAtMillis: now - 60_000 })), sample);

    const [read] = registriesOf(msbHome).read(now);
    const known = Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined));
    expect(known).toEqual(snapshot);
  });

  it.each([2, 3])('leaves what the flags of ABI %i call unknown undefined, not 0', (abi) => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome, abi });
    registry.sample(registry.start(tenant()), {
      sampledAtMillis: now,
      memoryLimitBytes: 5,
      diskReadBytes: 0,
    });

    const [read] = registriesOf(msbHome).read(now);
    expect(read.cpuUtilization).toBeUndefined();
    expect(read.vcpuTimeNanos).toBeUndefined();
    expect(read.memoryUsedBytes).toBeUndefined();
    expect(read.memoryAvailableBytes).toBeUndefined();
    expect(read.upperUsedBytes).toBeUndefined();
    expect(read.memoryLimitBytes).toBe(5);
    expect(read.diskReadBytes).toBe(0);
  });

  it('takes for unknown what no processor and no disk can have', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const slots = [Number.NaN, Number.POSITIVE_INFINITY, -1].map((cpuPercent) => {
      const slot = registry.start(tenant());
      registry.sample(slot, { sampledAtMillis: now, cpuPercent });
      registry.view.setBigUint64(
        registry.offsetOf(slot) + registry.layout.diskRead.offset,
        2n ** 64n - 1n,
        true,
      );
      return slot;
    });
    const collection = registriesOf(msbHome).read(now);
    expect(collection.size).toBe(slots.length);
    for (const read of collection) {
      expect(read.cpuUtilization).toBeUndefined();
      expect(read.diskReadBytes).toBeUndefined();
    }
  });

  it('replaces invalid UTF-8 in a name, and takes 128 bytes of it at most', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    for (const name of [Buffer.from([0x61, 0xff, 0x62]), Buffer.alloc(128, 'x'), '']) {
      registry.sample(registry.start(tenant({ name })), sample);
    }
    const long = registry.start(tenant({ name: 'short' }));
    registry.sample(long, sample);
    registry.view.setUint16(registry.offsetOf(long) + registry.layout.nameLength, 65_535, true);

    const read = names(registriesOf(msbHome).read(now));
    expect(read.slice(0, 3)).toEqual(['a\ufffdb', 'x'.repeat(128), '']);
    expect(Buffer.byteLength(read[3])).toBe(128);
  });
});

describe('a sandbox counts as running', () => {
  it('only while its slot is active', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const reserved = registry.reserve(tenant({ name: 'reserved' }));
    registry.sample(reserved, sample);
    const stale = registry.start(tenant({ name: 'stale' }));
    registry.sample(stale, sample);
    registry.markStale(stale);
    const released = registry.start(tenant({ name: 'released' }));
    registry.sample(released, sample);
    registry.release(released);
    registry.sample(registry.start(tenant({ name: 'active' })), sample);
    expect(names(registriesOf(msbHome).read(now))).toEqual(['active']);
  });

  it('only once it has a sample', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.start(tenant());
    expect(registriesOf(msbHome).read(now).size).toBe(0);
  });

  it.each([0, -1, -2_147_483_648, 2_147_483_646])('only with a process: not with the pid %i', (pid) => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant({ pid })), sample);
    expect(registriesOf(msbHome).read(now).size).toBe(0);
  });

  it('until its process is killed: gone at the next reading', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const child = spawn('sleep', ['60']);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    registry.sample(registry.start(tenant({ pid: child.pid ?? 0 })), sample);
    const registries = registriesOf(msbHome);
    expect(registries.read(now).size).toBe(1);
    child.kill('SIGKILL');
    await exited;
    expect(registries.read(now).size).toBe(0);
  });

  it('only while its sample is no older than the greatest age, which 0 turns off', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: now - 30_000 });
    const registries = registriesOf(msbHome);
    expect(registries.read(now).size).toBe(1);
    expect(registries.read(now + 1).size).toBe(0);
    expect(registries.read(now + 1, { maxSampleAgeMillis: 30_001 }).size).toBe(1);
    expect(registries.read(now + 1e9, { maxSampleAgeMillis: 0 }).size).toBe(1);
  });

  it('with its sample written whole: a slot whose writer died in the middle is skipped', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const slot = registry.start(tenant({ name: 'dead' }));
    registry.sample(slot, sample);
    registry.sample(registry.start(tenant({ name: 'alive' })), sample);
    registry.sampleAndDie(slot, { ...sample, sampledAtMillis: now });
    expect(names(registriesOf(msbHome).read(now))).toEqual(['alive']);
  });
});

describe('registries', () => {
  it('of all ABIs are merged', () => {
    const msbHome = testHome();
    for (const abi of [1, 2, 3]) {
      const registry = testRegistry({ msbHome, abi, capacity: abi });
      registry.sample(registry.start(tenant({ name: `abi${abi}` })), sample);
    }
    const collection = registriesOf(msbHome).read(now);
    expect(names(collection)).toEqual(['abi1', 'abi2', 'abi3']);
    expect(collection.registries.map(({ abi, state, capacity }) => [abi, state, capacity])).toEqual([
      [1, 'attached', 1],
      [2, 'attached', 2],
      [3, 'attached', 3],
    ]);
  });

  it('that do not exist yet are absent, and followed from the reading after their creation', () => {
    const msbHome = testHome();
    const registries = registriesOf(msbHome);
    expect(registries.read(now).registries.map(({ state }) => state)).toEqual(['absent', 'absent', 'absent']);
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), sample);
    expect(names(registries.read(now))).toEqual(['devbox']);
  });

  it('that are being initialised are waited for', () => {
    const msbHome = testHome();
    const registries = registriesOf(msbHome);
    closeSync(openForWriting(registryName(msbHome, 3)));
    expect(stateOf(registries.read(now), 3)).toBe('initialising');
    const registry = testRegistry({ msbHome, state: 'initialising' });
    registry.sample(registry.start(tenant()), sample);
    expect(stateOf(registries.read(now), 3)).toBe('initialising');
    registry.writeHeader('ready');
    expect(names(registries.read(now))).toEqual(['devbox']);
  });

  it('that are deleted and created again are followed within one reading', () => {
    const msbHome = testHome();
    const registries = registriesOf(msbHome);
    const first = testRegistry({ msbHome });
    expect(registries.read(now).size).toBe(0);
    unlinkSharedMemory(first.name);
    expect(stateOf(registries.read(now), 3)).toBe('absent');
    const second = testRegistry({ msbHome, capacity: 7 });
    second.sample(second.start(tenant({ name: 'second' })), sample);
    expect(names(registries.read(now))).toEqual(['second']);
  });

  it('that are removed while sandboxes write to them are read on, beside a new one, until the sandboxes stop', () => {
    const msbHome = testHome();
    const registries = registriesOf(msbHome);
    const first = testRegistry({ msbHome });
    const slot = first.start(tenant({ name: 'first' }));
    first.sample(slot, sample);
    const [run] = registries.read(now).runs;
    unlinkSharedMemory(first.name);
    first.sample(slot, { ...sample, sampledAtMillis: now });
    const alone = registries.read(now);
    expect(names(alone)).toEqual(['first']);
    expect(alone.runs[0]).toBe(run);
    expect(alone.registries.filter(({ abi }) => abi === 3).map(({ state, rows }) => [state, rows])).toEqual([
      ['absent', 0],
      ['unlinked', 1],
    ]);
    expect(alone.registries.find(({ state }) => state === 'unlinked')?.message).toMatch(
      /removed while 1 sandbox was writing to it.*RemoveIPC=no.*enable-linger/u,
    );
    const second = testRegistry({ msbHome });
    second.sample(second.start(tenant({ name: 'second' })), sample);
    expect(names(registries.read(now))).toEqual(['second', 'first']);
    first.release(slot);
    // Some readings without a sandbox are not the end: a writer may be suspended.
    expect(names(registries.read(now))).toEqual(['second']);
    first.sample(first.start(tenant({ name: 'back' })), { ...sample, sampledAtMillis: now });
    expect(names(registries.read(now))).toEqual(['second', 'back']);
    first.release(slot);
    for (let reading = 1; reading < 300; reading++) {
      expect(registries.read(now).registries.some(({ state }) => state === 'unlinked')).toBe(true);
    }
    expect(registries.read(now).registries.some(({ state }) => state === 'unlinked')).toBe(false);
  });

  it('that are removed are read on after a suspend, a torn write, and by a sandbox that came just before', () => {
    const msbHome = testHome();
    const registries = registriesOf(msbHome);
    const registry = testRegistry({ msbHome });
    expect(registries.read(now).size).toBe(0);
    const slot = registry.start(tenant({ name: 'late' }));
    unlinkSharedMemory(registry.name);
    expect(registries.read(now).size).toBe(0);
    registry.sample(slot, { ...sample, sampledAtMillis: now });
    expect(names(registries.read(now))).toEqual(['late']);
    // The machine was suspended for an hour.
    const later = now + 3_600_000;
    expect(registries.read(later).size).toBe(0);
    registry.sample(slot, { ...sample, sampledAtMillis: later });
    expect(names(registries.read(later))).toEqual(['late']);
    registry.sampleAndDie(slot, { ...sample, sampledAtMillis: later });
    expect(registries.read(later).size).toBe(0);
    registry.view.setBigUint64(registry.offsetOf(slot) + SLOT.seq, 100n, true);
    expect(names(registries.read(later))).toEqual(['late']);
  });

  it('that are removed again and again hold a bounded number of descriptors', () => {
    const msbHome = testHome();
    const registries = registriesOf(msbHome);
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    for (let round = 0; round < 30; round++) {
      const registry = testRegistry({ msbHome, capacity: 1 });
      registry.sample(registry.start(tenant({ name: `${round}` })), sample);
      registries.read(now);
      unlinkSharedMemory(registry.name);
    }
    expect(names(registries.read(now))).toEqual(['22', '23', '24', '25', '26', '27', '28', '29']);
    expect(descriptors() - before).toBe(8);
    registries.close();
    expect(descriptors()).toBe(before);
  });

  it('that are refused leave the others going', () => {
    const msbHome = testHome();
    const broken = testRegistry({ msbHome, abi: 2 });
    broken.view.setUint32(HEADER.slotLength, 640, true);
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), sample);
    const collection = registriesOf(msbHome).read(now);
    expect(names(collection)).toEqual(['devbox']);
    expect(stateOf(collection, 2)).toBe('refused');
    expect(messageOf(collection, 2)).toBe(
      `the registry ${broken.name} has the slot length 640: expected 512`,
    );
  });

  it('that shrink while mapped are refused before they are touched', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), sample);
    const registries = registriesOf(msbHome);
    expect(registries.read(now).size).toBe(1);
    const fd = openForWriting(registry.name);
    ftruncateSync(fd, 300);
    closeSync(fd);
    const collection = registries.read(now);
    expect(collection.size).toBe(0);
    expect(messageOf(collection, 3)).toContain(
      'is 300 bytes long: expected at least 524544 for its 1024 slots',
    );
  });

  it.skipIf(process.platform !== 'linux')(
    'are no pipes: one at their name is refused, and holds nothing up',
    () => {
      const msbHome = testHome();
      for (const abi of [3, 7]) {
        execFileSync('mkfifo', [`/dev/shm${registryName(msbHome, abi)}`]);
      }
      const collection = registriesOf(msbHome).read(now);
      expect(stateOf(collection, 3)).toBe('refused');
      expect(messageOf(collection, 3)).toContain('is not shared memory: expected a regular object');
    },
  );

  it('of a newer ABI are named in a warning', () => {
    const msbHome = testHome();
    mapForWriting(registryName(msbHome, 5), 4096).unmap();
    const collection = registriesOf(msbHome).read(now);
    expect(stateOf(collection, 5)).toBe('unknown');
    expect(messageOf(collection, 5)).toContain(`${registryName(msbHome, 5)} has ABI 5, newer than the 3`);
  });

  it('are only read: reading changes neither bytes nor size', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), sample);
    const before = Buffer.from(registry.bytes);
    registriesOf(msbHome).read(now);
    expect(Buffer.compare(before, registry.bytes)).toBe(0);
    expect(statSync(`/dev/shm${registry.name}`).size).toBe(before.length);
  });
});

describe('a run', () => {
  it('is one object from reading to reading, and another after a restart in the same slot', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome, capacity: 1 });
    const registries = registriesOf(msbHome);
    const slot = registry.start(tenant());
    registry.sample(slot, sample);
    const [first] = registries.read(now).runs;
    registry.sample(slot, { ...sample, sampledAtMillis: now });
    expect(registries.read(now).runs[0]).toBe(first);
    registry.release(slot);
    registry.start(tenant({ name: 'other', runId: 8 }));
    registry.sample(slot, sample);
    const [second] = registries.read(now).runs;
    expect(second.name).toBe('other');
    expect(second).not.toBe(first);
  });

  it('keeps its identity when its registry is detached and attached again', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const registries = registriesOf(msbHome);
    registry.sample(registry.start(tenant()), sample);
    const [before] = registries.read(now).runs;
    registry.view.setUint32(HEADER.state, 1, true);
    expect(stateOf(registries.read(now), 3)).toBe('initialising');
    registry.view.setUint32(HEADER.state, 2, true);
    expect(registries.read(now).runs[0]).toBe(before);
  });

  it('keeps its identity through a reading in which its slot was torn', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const registries = registriesOf(msbHome);
    const slot = registry.start(tenant());
    registry.sample(slot, sample);
    const [before] = registries.read(now).runs;
    registry.sampleAndDie(slot, sample);
    expect(registries.read(now).size).toBe(0);
    const seq = registry.offsetOf(slot) + SLOT.seq;
    registry.view.setBigUint64(seq, registry.view.getBigUint64(seq, true) + 1n, true);
    expect(registries.read(now).runs[0]).toBe(before);
  });
});

describe('reading one registry once', () => {
  it('gives its collection', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome, abi: 2 });
    registry.sample(registry.start(tenant()), { ...sample, sampledAtMillis: Date.now() });
    expect(names(readRegistry(msbHome, 2))).toEqual(['devbox']);
  });

  it('throws where there is none, with its state', () => {
    const msbHome = testHome();
    expect(() => readRegistry(msbHome, 3)).toThrowError(RegistryError);
    expect(() => readRegistry(msbHome, 3)).toThrowError(/is absent/u);
  });

  it('throws for an ABI that it does not know', () => {
    expect(() => readRegistry('/x', 4)).toThrowError('ABI 4: expected 1 to 3');
  });
});
