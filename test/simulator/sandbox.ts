import type { Sample } from './registry.js';

const MIB = 1024 ** 2;

/** A small pseudo-random sequence (mulberry32), so that a run can be repeated. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A sandbox with plausible values: CPU that wanders, memory below its limit, counters that only grow. Its first
 * sample has no CPU value, as the runtime's.
 */
export class SimulatedSandbox {
  readonly #random: () => number;
  readonly #memoryLimitBytes: number;
  #cpuPercent: number;
  #vcpuTimeNanos = 0;
  #memoryUsedBytes: number;
  #disk = [0, 0];
  #network = [0, 0];
  #upperUsedBytes: number;
  #samples = 0;

  constructor(seed: number) {
    this.#random = random(seed);
    this.#memoryLimitBytes = [256, 512, 1024, 2048][Math.floor(this.#random() * 4)] * MIB;
    this.#memoryUsedBytes = Math.floor(this.#memoryLimitBytes * (0.05 + this.#random() * 0.3));
    this.#cpuPercent = this.#random() * 40;
    this.#upperUsedBytes = Math.floor(this.#random() * 200 * MIB);
  }

  /** The next sample. */
  next(sampledAtMillis: number, sinceLastMillis = 1000): Sample {
    const grow = (most: number): number => Math.floor(this.#random() ** 4 * most);
    this.#cpuPercent = Math.min(200, Math.max(0.01, this.#cpuPercent + (this.#random() - 0.5) * 20));
    this.#vcpuTimeNanos += Math.floor((this.#cpuPercent / 100) * sinceLastMillis * 1e6);
    this.#memoryUsedBytes = Math.min(
      this.#memoryLimitBytes,
      Math.max(4 * MIB, this.#memoryUsedBytes + Math.floor((this.#random() - 0.48) * 2 * MIB)),
    );
    this.#disk = [this.#disk[0] + grow(8 * MIB), this.#disk[1] + grow(4 * MIB)];
    this.#network = [this.#network[0] + grow(2 * MIB), this.#network[1] + grow(MIB)];
    this.#upperUsedBytes += grow(MIB);
    this.#samples++;
    return {
      sampledAtMillis,
      ...(this.#samples === 1 ? {} : { cpuPercent: this.#cpuPercent, vcpuTimeNanos: this.#vcpuTimeNanos }),
      memoryUsedBytes: this.#memoryUsedBytes,
      memoryLimitBytes: this.#memoryLimitBytes,
      memoryAvailableBytes: this.#memoryLimitBytes - this.#memoryUsedBytes,
      memoryHostResidentBytes: Math.floor(this.#memoryUsedBytes * 0.9),
      diskReadBytes: this.#disk[0],
      diskWrittenBytes: this.#disk[1],
      networkReceivedBytes: this.#network[0],
      networkSentBytes: this.#network[1],
      upperUsedBytes: this.#upperUsedBytes,
      upperFreeBytes: 4096 * MIB - this.#upperUsedBytes,
      upperHostAllocatedBytes: this.#upperUsedBytes + 3 * MIB,
    };
  }
}
