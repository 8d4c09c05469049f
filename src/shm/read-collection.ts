import { closeSync, fstatSync } from 'node:fs';
import { DEFAULT_MAX_SAMPLE_AGE_MILLIS } from '../defaults.js';
import { requireNonNegative, requireText } from '../options.js';
import { Collection, type SandboxRun } from './collection.js';
import { ROW_WIDTH } from './columns.js';
import { ABI_LAYOUTS, MAX_ROWS, NEWEST_ABI } from './layout.js';
import { denialOf } from './owner.js';
import { openSharedMemory, PosixError } from './posix.js';
import { doesProcessExist } from './processes.js';
import type { RegionAccess } from './region.js';
import { Registry } from './registry.js';
import { registryName } from './registry-name.js';
import { RegistryError, type RegistryState, type RegistryStatus } from './registry-status.js';
import { NO_SKIPPED_ROWS } from './skipped-rows.js';
import type { RowFilter, RowSink } from './slots.js';
import { distrustOf, type TrustedOwner, trustedOwner } from './trust.js';

/** How far past the newest known ABI a registry is looked for, to name it in a warning. */
const UNKNOWN_ABIS = [1, 2, 3, 4].map((step) => NEWEST_ABI + step);

/** Which samples a reading keeps. */
export interface ReadOptions {
  /**
   * Samples older than this many milliseconds are left out, because their runtime has stopped sampling. So are samples
   * that lie further ahead of the clock. Default 30,000; 0 keeps samples of any age.
   */
  readonly maxSampleAgeMillis?: number | undefined;
  /**
   * The user whose registries are read, by number. Default: the user that runs this process; for root the owner of the
   * MSB_HOME, and nobody where that folder cannot be seen.
   */
  readonly registryOwnerUid?: number | undefined;
}

/**
 * Checks the options of a reading.
 *
 * @throws {RangeError} for one out of its range
 */
export function requireReadOptions({ maxSampleAgeMillis, registryOwnerUid }: ReadOptions): void {
  if (registryOwnerUid !== undefined) {
    requireNonNegative('registryOwnerUid', registryOwnerUid);
  }
  if (maxSampleAgeMillis !== undefined) {
    requireNonNegative('maxSampleAgeMillis', maxSampleAgeMillis);
  }
}

/** Rows of one reading, growing as they come. */
class Rows implements RowSink {
  readonly runs: SandboxRun[] = [];
  #values: Float64Array;

  constructor(expectedRows: number) {
    this.#values = new Float64Array(Math.max(1, expectedRows) * ROW_WIDTH);
  }

  add(run: SandboxRun, values: Float64Array): boolean {
    if (this.runs.length >= MAX_ROWS) {
      return false;
    }
    const at = this.runs.length * ROW_WIDTH;
    if (at === this.#values.length) {
      const grown = new Float64Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values.set(values, at);
    this.runs.push(run);
    return true;
  }

  /** Exactly the rows added, because a buffered collection must not hold unused memory. */
  values(): Float64Array {
    const used = this.runs.length * ROW_WIDTH;
    return used === this.#values.length ? this.#values : this.#values.slice(0, used);
  }
}

/**
 * Every registry of one MSB_HOME, of all known ABIs: during an upgrade of msb several exist at once. Keeps them open from
 * reading to reading, until `close`.
 */
export class Registries {
  readonly #registries: readonly Registry[];
  readonly #msbHome: string;
  #rowsLastTime = 0;

  /**
   * @param msbHome the MSB_HOME, exactly as msb has it
   * @param access how shared memory is copied. Default: as this system needs it.
   */
  constructor(msbHome: string, access?: RegionAccess) {
    this.#msbHome = msbHome;
    this.#registries = ABI_LAYOUTS.map(
      (layout) => new Registry(registryName(msbHome, layout.abi), layout, msbHome, access),
    );
  }

  /**
   * Reads the newest sample of every sandbox that runs. Never throws for what it finds in shared memory: the
   * collection's `registries` say what was found.
   *
   * @param nowMillis wall-clock time, Unix ms
   */
  read(nowMillis: number, options: ReadOptions = {}): Collection {
    const startedAt = performance.now();
    const rows = new Rows(this.#rowsLastTime);
    const filter = rowFilter(nowMillis, options);
    const trusted = trustedOwner(this.#msbHome, options.registryOwnerUid);
    const statuses = this.#registries.flatMap((registry) => registry.read(filter, rows, trusted));
    this.#rowsLastTime = rows.runs.length;
    return new Collection(
      nowMillis,
      rows.runs,
      rows.values(),
      [...statuses, ...UNKNOWN_ABIS.flatMap((abi) => unknownRegistry(this.#msbHome, abi, trusted))],
      performance.now() - startedAt,
    );
  }

  /** Closes all registries. */
  close(): void {
    for (const registry of this.#registries) {
      registry.close();
    }
  }
}

/**
 * Reads one registry, once. A row whose process cannot be seen from here is left out: a single reading cannot tell whether
 * its sample advances.
 *
 * @param msbHome the MSB_HOME, exactly as msb has it
 * @param abi the registry's ABI: 1, 2 or 3
 * @throws {RegistryError} where there is no such registry, or none that can be read
 * @throws {RangeError} for an ABI that this package does not know, and for an option out of its range
 */
export function readRegistry(msbHome: string, abi: number, options: ReadOptions = {}): Collection {
  requireText('msbHome', msbHome);
  requireReadOptions(options);
  const layout = ABI_LAYOUTS.find((known) => known.abi === abi);
  if (layout === undefined) {
    throw new RangeError(`ABI ${abi}: expected 1 to ${NEWEST_ABI}`);
  }
  const startedAt = performance.now();
  const registry = new Registry(registryName(msbHome, abi), layout, msbHome);
  try {
    const now = Date.now();
    const rows = new Rows(0);
    const [status] = registry.read(
      rowFilter(now, options),
      rows,
      trustedOwner(msbHome, options.registryOwnerUid),
    );
    if (status.state !== 'attached') {
      throw new RegistryError(status);
    }
    return new Collection(now, rows.runs, rows.values(), [status], performance.now() - startedAt);
  } finally {
    registry.close();
  }
}

function rowFilter(nowMillis: number, options: ReadOptions): RowFilter {
  const maxAge = options.maxSampleAgeMillis ?? DEFAULT_MAX_SAMPLE_AGE_MILLIS;
  return {
    nowMillis,
    oldestSampleMillis: maxAge === 0 ? Number.NEGATIVE_INFINITY : nowMillis - maxAge,
    newestSampleMillis: maxAge === 0 ? Number.POSITIVE_INFINITY : nowMillis + maxAge,
    processExists: doesProcessExist,
  };
}

/** The status of a registry of an ABI that is newer than this package, if there is one. */
function unknownRegistry(msbHome: string, abi: number, trusted: TrustedOwner): RegistryStatus[] {
  const name = registryName(msbHome, abi);
  const status = (state: RegistryState, message: string): RegistryStatus[] => [
    { name, abi, state, message, capacity: 0, rows: 0, used: 0, skipped: NO_SKIPPED_ROWS },
  ];
  const newer = `the registry ${name} has ABI ${abi}, newer than the ${NEWEST_ABI} that this msb-metrics reads: its sandboxes are not reported; upgrade msb-metrics`;
  try {
    const fd = openSharedMemory(name);
    if (fd === undefined) {
      return [];
    }
    try {
      const distrust = distrustOf(fstatSync(fd), trusted, `the registry ${name}`);
      return distrust === undefined ? status('unknown', newer) : status('untrusted', distrust);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!(error instanceof PosixError && error.code === 'EACCES')) {
      return [];
    }
    const { state, message } = denialOf(name, msbHome);
    return status(state, message);
  }
}
