import type { SandboxRun } from '../../../shm/collection.js';
import { onceARun } from '../../once-a-run.js';
import { lengthDelimited, varint, Writer } from './protobuf.js';

/** The optional attributes of every data point. Each makes a new series at every restart of a sandbox. */
export interface AttributeOptions {
  /** Adds `sandbox.run_id`. Default: false. */
  readonly emitRunId?: boolean | undefined;
  /** Adds `sandbox.pid`. Default: false. */
  readonly emitPid?: boolean | undefined;
}

/** Writes an OTLP KeyValue as field `field`: strings as strings, numbers as integers. */
export function writeAttribute(writer: Writer, field: number, key: string, value: string | number): void {
  writer.uint32(lengthDelimited(field)).fork();
  writer.uint32(lengthDelimited(1)).string(key);
  writer.uint32(lengthDelimited(2)).fork();
  if (typeof value === 'string') {
    writer.uint32(lengthDelimited(1)).string(value);
  } else {
    writer.uint32(varint(3)).int64(value);
  }
  writer.ldelim();
  writer.ldelim();
}

/** The attributes of a run's data points by key, in the order in which they are sent. */
export interface RunAttributeEntries {
  /** Ours. */
  readonly identity: readonly (readonly [key: string, value: string | number])[];
  /** The tenant's, sorted by key. None has a key of ours: see the reserved keys of labels. */
  readonly labels: readonly (readonly [key: string, value: string])[];
}

/** The attributes of a run's data points. Entries, because an object would put keys such as `1` first. */
export function runAttributes(
  run: SandboxRun,
  { emitRunId, emitPid }: AttributeOptions,
): RunAttributeEntries {
  return {
    identity: [
      ['sandbox.name', run.name],
      ['sandbox.id', run.sandboxId],
      ...(emitRunId === true ? [['sandbox.run_id', run.runId] as const] : []),
      ...(emitPid === true ? [['sandbox.pid', run.pid] as const] : []),
    ],
    labels: [...(run.labels ?? [])],
  };
}

const DATA_POINT_ATTRIBUTES = 7;

/** Serialises the attributes of runs' data points, once a run. */
export class RunAttributes {
  readonly #serialised: (run: SandboxRun) => Uint8Array;
  /** The runs last asked for, and their attributes. */
  #last: Serialised = NOTHING_SERIALISED;
  /** The runs of a whole collection of lately. Parts of collections, and the next ones, are mostly stretches of it. */
  #whole: Serialised = NOTHING_SERIALISED;

  constructor(options: AttributeOptions) {
    this.#serialised = onceARun((run) => {
      const writer = Writer.create();
      const { identity, labels } = runAttributes(run, options);
      for (const [key, value] of [...identity, ...labels]) {
        writeAttribute(writer, DATA_POINT_ATTRIBUTES, key, value);
      }
      // Copied: the writer's bytes are of Node's pool, of which a few keep 8 KiB in memory for as long as the sandbox runs.
      return new Uint8Array(writer.finish());
    });
  }

  /** The `attributes` of an OTLP NumberDataPoint, tags included, of each run of a collection. */
  of(runs: readonly SandboxRun[]): readonly Uint8Array[] {
    if (runs !== this.#last.runs) {
      this.#last = this.#serialise(runs);
    }
    return this.#last.attributes;
  }

  #serialise(runs: readonly SandboxRun[]): Serialised {
    // To look at a run where it was is far faster than to look it up.
    const whole = this.#whole;
    const offset = whole.runs.indexOf(runs[0]);
    let isStretch = true;
    const attributes = runs.map((run, row) => {
      if (run === whole.runs[offset + row]) {
        return whole.attributes[offset + row];
      }
      isStretch = false;
      return this.#serialised(run);
    });
    if (!isStretch) {
      this.#whole = { runs, attributes };
    }
    return { runs, attributes };
  }
}

/** Runs and their attributes, one for each. */
interface Serialised {
  readonly runs: readonly SandboxRun[];
  readonly attributes: readonly Uint8Array[];
}

const NOTHING_SERIALISED: Serialised = { runs: [], attributes: [] };
