import {
  ABI_LAYOUTS,
  type AbiLayout,
  type FieldLayout,
  HEADER,
  HEADER_BYTES,
  MAGIC,
  MAX_NAME_BYTES,
  REGION_STATE,
  regionBytes,
  SAMPLE_FLAG,
  SLOT,
  SLOT_BYTES,
  SLOT_STATE,
} from '../../src/shm/layout.js';
import { registryName } from '../../src/shm/registry-name.js';
import { mapForWriting, unlinkSharedMemory, type WritableMapping } from './shared-memory.js';

/** What a runtime measures. A field left out is written as unknown where the ABI can say so, else as 0. */
export interface Sample {
  readonly sampledAtMillis: number;
  readonly cpuPercent?: number;
  readonly vcpuTimeNanos?: number;
  readonly memoryUsedBytes?: number;
  readonly memoryLimitBytes?: number;
  readonly memoryAvailableBytes?: number;
  readonly memoryHostResidentBytes?: number;
  readonly diskReadBytes?: number;
  readonly diskWrittenBytes?: number;
  readonly networkReceivedBytes?: number;
  readonly networkSentBytes?: number;
  readonly upperUsedBytes?: number;
  readonly upperFreeBytes?: number;
  readonly upperHostAllocatedBytes?: number;
}

/** Who takes a slot. */
export interface Tenant {
  readonly name: string | Uint8Array;
  readonly sandboxId: number;
  readonly runId: number;
  readonly pid: number;
  readonly startedAtMillis: number;
}

/** Options of {@link SimulatedRegistry.create}. */
export interface SimulatedRegistryOptions {
  readonly msbHome: string;
  readonly abi: number;
  readonly capacity?: number;
  /** Where the header is left, for readers that come early. Default: ready. */
  readonly state?: keyof typeof REGION_STATE;
}

/**
 * The runtime's side of a registry: reserves, activates, samples under the seqlock, releases, dies. Writes what the
 * layout table says, with the orderings a writer owes its readers.
 */
export class SimulatedRegistry {
  readonly name: string;
  readonly layout: AbiLayout;
  readonly capacity: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #mapping: WritableMapping;
  readonly #i32: Int32Array;
  #generations = 0;

  private constructor(name: string, layout: AbiLayout, capacity: number, mapping: WritableMapping) {
    this.name = name;
    this.layout = layout;
    this.capacity = capacity;
    this.#mapping = mapping;
    this.bytes = new Uint8Array(this.#mapping.buffer);
    this.view = new DataView(this.#mapping.buffer);
    this.#i32 = new Int32Array(this.#mapping.buffer);
  }

  /** Makes the object and its header. */
  static create(options: SimulatedRegistryOptions): SimulatedRegistry {
    const { msbHome, abi, capacity = 1024, state = 'ready' } = options;
    const name = registryName(msbHome, abi);
    const mapping = mapForWriting(name, regionBytes(capacity));
    const registry = new SimulatedRegistry(name, layoutOf(abi), capacity, mapping);
    registry.writeHeader(state);
    return registry;
  }

  /** One in memory of this process alone, for what needs no other. */
  static inMemory(abi: number, capacity: number): SimulatedRegistry {
    const mapping = { buffer: new ArrayBuffer(regionBytes(capacity)), unmap: () => {} };
    const registry = new SimulatedRegistry(`in memory, ABI ${abi}`, layoutOf(abi), capacity, mapping);
    registry.writeHeader();
    return registry;
  }

  /** Writes the header, its state last. */
  writeHeader(state: keyof typeof REGION_STATE = 'ready'): void {
    this.bytes.set(Buffer.from(MAGIC, 'latin1'), HEADER.magic);
    this.view.setUint32(HEADER.version, this.layout.abi, true);
    this.view.setUint32(HEADER.headerLength, HEADER_BYTES, true);
    this.view.setUint32(HEADER.slotLength, SLOT_BYTES, true);
    this.view.setUint32(HEADER.capacity, this.capacity, true);
    this.view.setBigInt64(HEADER.createdAt, BigInt(Date.now()), true);
    Atomics.store(this.#i32, HEADER.state / 4, REGION_STATE[state]);
  }

  /** Takes the first free slot and activates it, with no sample yet. Returns the slot's number. */
  start(tenant: Tenant): number {
    const slot = this.reserve(tenant);
    this.activate(slot, tenant);
    return slot;
  }

  /** Takes the first free slot. */
  reserve(tenant: Tenant): number {
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.#state(slot) === SLOT_STATE.free) {
        return this.#reserve(slot, tenant);
      }
    }
    throw new Error(`${this.name}: no free slot of ${this.capacity}`);
  }

  /** Takes a given slot and activates it, whatever it held. */
  startAt(slot: number, tenant: Tenant): number {
    this.#reserve(slot, tenant);
    this.activate(slot, tenant);
    return slot;
  }

  /** Makes a reserved slot active. */
  activate(slot: number, tenant: Tenant): void {
    this.#write(slot, (at) => {
      this.view.setInt32(at + SLOT.runId, tenant.runId, true);
      this.view.setBigInt64(at + SLOT.startedAt, BigInt(tenant.startedAtMillis), true);
    });
    this.#setState(slot, SLOT_STATE.active);
  }

  /** Stores a sample under the seqlock. */
  sample(slot: number, sample: Sample): void {
    this.#write(slot, (at) => this.#writeSample(at, sample));
  }

  /** Begins to store a sample and dies in the middle: seq stays odd. */
  sampleAndDie(slot: number, sample: Sample): void {
    const seq = this.offsetOf(slot) / 4 + SLOT.seq / 4;
    Atomics.add(this.#i32, seq, 1);
    this.view.setBigInt64(this.offsetOf(slot) + SLOT.sampledAt, BigInt(sample.sampledAtMillis), true);
  }

  /** Gives a slot back. */
  release(slot: number): void {
    this.#setState(slot, SLOT_STATE.free);
    this.#newGeneration(slot);
  }

  /** Marks a slot's owner as gone, its last sample kept. */
  markStale(slot: number): void {
    this.#setState(slot, SLOT_STATE.stale);
  }

  /** Byte offset of a slot. */
  offsetOf(slot: number): number {
    return HEADER_BYTES + slot * SLOT_BYTES;
  }

  /** Lets go of the mapping; the object stays. */
  close(): void {
    this.#mapping.unmap();
  }

  /** Removes the object, and lets go of the mapping. */
  destroy(): void {
    unlinkSharedMemory(this.name);
    this.close();
  }

  #reserve(slot: number, tenant: Tenant): number {
    this.#setState(slot, SLOT_STATE.reserved);
    this.#newGeneration(slot);
    this.#write(slot, (at) => {
      this.bytes.fill(0, at + SLOT.sandboxId, at + SLOT_BYTES);
      this.view.setInt32(at + SLOT.sandboxId, tenant.sandboxId, true);
      this.view.setInt32(at + SLOT.pid, tenant.pid, true);
      const name = typeof tenant.name === 'string' ? Buffer.from(tenant.name, 'utf8') : tenant.name;
      this.bytes.set(name.subarray(0, MAX_NAME_BYTES), at + this.layout.name);
      this.view.setUint16(at + this.layout.nameLength, name.length, true);
    });
    return slot;
  }

  #writeSample(at: number, sample: Sample): void {
    const { layout } = this;
    let flags = 0;
    const bytes = (field: FieldLayout | undefined, value: number | undefined): void => {
      if (field !== undefined) {
        this.view.setBigUint64(at + field.offset, BigInt(value ?? 0), true);
        flags |= value === undefined ? 0 : field.flag;
      }
    };
    this.view.setBigInt64(at + SLOT.sampledAt, BigInt(sample.sampledAtMillis), true);
    this.view.setFloat32(at + layout.cpuPercent.offset, sample.cpuPercent ?? 0, true);
    bytes(layout.vcpuTime, sample.vcpuTimeNanos);
    bytes(layout.memoryUsed, sample.memoryUsedBytes);
    bytes(layout.memoryLimit, sample.memoryLimitBytes);
    bytes(layout.memoryAvailable, sample.memoryAvailableBytes);
    bytes(layout.memoryHostResident, sample.memoryHostResidentBytes);
    bytes(layout.diskRead, sample.diskReadBytes);
    bytes(layout.diskWritten, sample.diskWrittenBytes);
    bytes(layout.networkReceived, sample.networkReceivedBytes);
    bytes(layout.networkSent, sample.networkSentBytes);
    bytes(layout.upperUsed, sample.upperUsedBytes);
    bytes(layout.upperFree, sample.upperFreeBytes);
    bytes(layout.upperHostAllocated, sample.upperHostAllocatedBytes);
    if (layout.sampleFlags !== undefined) {
      const cpu = sample.cpuPercent === undefined ? 0 : SAMPLE_FLAG.cpu;
      this.view.setUint32(at + layout.sampleFlags, (flags & ~SAMPLE_FLAG.cpu) | cpu, true);
    }
  }

  #write(slot: number, store: (at: number) => void): void {
    const at = this.offsetOf(slot);
    const seq = at / 4 + SLOT.seq / 4;
    Atomics.add(this.#i32, seq, 1);
    store(at);
    Atomics.add(this.#i32, seq, 1);
  }

  #state(slot: number): number {
    return Atomics.load(this.#i32, this.offsetOf(slot) / 4 + SLOT.state / 4);
  }

  #setState(slot: number, state: number): void {
    Atomics.store(this.#i32, this.offsetOf(slot) / 4 + SLOT.state / 4, state);
  }

  #newGeneration(slot: number): void {
    this.#generations++;
    Atomics.store(this.#i32, this.offsetOf(slot) / 4 + SLOT.generation / 4, this.#generations);
  }
}

function layoutOf(abi: number): AbiLayout {
  const layout = ABI_LAYOUTS.find((each) => each.abi === abi);
  if (layout === undefined) {
    throw new RangeError(`no ABI ${abi}`);
  }
  return layout;
}
