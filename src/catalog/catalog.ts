import type { CatalogStatus } from '../shm/catalog-status.js';
import { type Collection, type Labels, labelled, NO_LABELS, type SandboxRun } from '../shm/collection.js';
import { trustedOwner } from '../shm/trust.js';
import {
  asCatalogError,
  type CatalogError,
  type CatalogFiles,
  catalogFiles,
  catalogFingerprint,
  catalogPath,
  openCatalog,
} from './catalog-file.js';
import { CatalogQuery, type CatalogRow } from './catalog-query.js';
import { LabelError, parseLabels } from './labels.js';

/** Which labels sandboxes get. */
export interface LabelOptions {
  /** Keys that are left out: exact, and case-sensitive. Default: none. */
  readonly excludeKeys?: readonly string[] | undefined;
}

/** What is known of a sandbox. A row belongs to a sandbox if both id and name are the same: a new database begins anew. */
interface Known {
  readonly name: string | undefined;
  readonly labels: Labels;
  readonly problem: string | undefined;
  /** The state of the catalog in which it was asked for: an older one is asked for again. */
  readonly generation: number;
}

/** Runs of a collection, and what the catalog makes of them. */
interface Labelling {
  readonly runs: readonly SandboxRun[];
  readonly labelledRuns: readonly SandboxRun[];
  readonly bad: CatalogStatus['bad'];
  /** Whether the catalog has been asked for each of them. */
  readonly isComplete: boolean;
}

const NOT_THERE = { name: undefined, labels: NO_LABELS, problem: undefined };

/** A look that takes longer is followed by a pause, ms. */
const SLOW_MILLIS = 200;

/** After this long a look leaves the rest to the next one, ms. */
const LONGEST_READ_MILLIS = 100;

/** How many sandboxes are asked for at once. */
const PORTION = 16;

/** How many sandboxes that are gone are remembered, beside those that are there. */
const MOST_GONE = 1_000;

/** The longest pause, ms. */
const MAX_PAUSE_MILLIS = 60_000;

/** A file that was changed so shortly before it was read may have been changed since without a trace in its times, ms. */
const TOO_RECENT_MILLIS = 100;

/**
 * Labels from msb's catalog for the runs of collections, best effort: whatever is wrong with the catalog, the collections
 * stay what they are. Looks at each tick whether something has changed, and reads only then. Nothing is written, and nothing
 * is left behind.
 */
export class Catalog {
  readonly #msbHome: string;
  readonly #path: string;
  readonly #registryOwnerUid: number | undefined;
  readonly #excluded: ReadonlySet<string>;
  readonly #known = new Map<number, Known>();
  readonly #labelled = new WeakMap<SandboxRun, { readonly labels: Labels; readonly run: SandboxRun }>();
  /** The database that is known, and its log. */
  #identity = '';
  #identityWithLog = '';
  /** What its files were when they were last seen; empty where they are to be read again. */
  #seen = '';
  #generation = 0;
  #error: CatalogError | undefined;
  #pauseMillis = 0;
  #notBeforeMillis = 0;
  /** What the last tick made of its runs: while neither they nor what is known of them has changed, it is what this one makes. */
  #last: Labelling | undefined;

  /**
   * @param msbHome the MSB_HOME, exactly as msb has it
   * @param registryOwnerUid the user that is trusted; see `ReadOptions`
   */
  constructor(msbHome: string, registryOwnerUid: number | undefined, { excludeKeys = [] }: LabelOptions) {
    this.#msbHome = msbHome;
    this.#path = catalogPath(msbHome);
    this.#registryOwnerUid = registryOwnerUid;
    this.#excluded = new Set(excludeKeys);
  }

  /** The same collection, its runs with the labels of now. Never throws. */
  label(collection: Collection): Collection {
    const { runs } = collection;
    if (this.#last !== undefined && !areSameRuns(this.#last.runs, runs)) {
      this.#last = undefined;
    }
    if (runs.length > 0) {
      this.#look(runs);
    }
    this.#last ??= this.#labelling(runs);
    return collection.withRuns(this.#last.labelledRuns, {
      state: this.#error?.state ?? 'read',
      message: this.#error?.message ?? '',
      isComplete: this.#last.isComplete,
      bad: this.#last.bad,
    });
  }

  /** Forgets what it knows. Nothing is open. */
  close(): void {
    this.#forget();
  }

  #labelling(runs: readonly SandboxRun[]): Labelling {
    const bad: CatalogStatus['bad'][number][] = [];
    let isComplete = true;
    const labelledRuns = runs.map((run) => {
      const known = this.#known.get(run.sandboxId);
      isComplete &&= known?.generation === this.#generation;
      const isSame = known?.name === run.name;
      if (isSame && known.problem !== undefined) {
        bad.push({ sandbox: run.name, reason: known.problem });
      }
      return this.#runWith(run, isSame ? known.labels : NO_LABELS);
    });
    return { runs, labelledRuns, bad, isComplete };
  }

  #runWith(run: SandboxRun, labels: Labels): SandboxRun {
    if (labels.size === 0) {
      return run;
    }
    const before = this.#labelled.get(run);
    if (before?.labels === labels) {
      return before.run;
    }
    const now = { labels, run: labelled(run, labels) };
    this.#labelled.set(run, now);
    return now.run;
  }

  #look(runs: readonly SandboxRun[]): void {
    const startedAt = performance.now();
    try {
      const files = catalogFiles(this.#path, trustedOwner(this.#msbHome, this.#registryOwnerUid));
      this.#follow(files);
      if (startedAt < this.#notBeforeMillis) {
        return;
      }
      this.#read(runs, files);
      this.#error = undefined;
    } catch (error) {
      this.#error = asCatalogError(this.#path, error);
      if (this.#error.state !== 'busy') {
        this.#forget();
      }
    }
    const took = performance.now() - startedAt;
    this.#pauseMillis =
      took > SLOW_MILLIS ? Math.min(Math.max(1_000, this.#pauseMillis * 2), MAX_PAUSE_MILLIS) : 0;
    this.#notBeforeMillis = startedAt + took + this.#pauseMillis;
  }

  /** Another database begins anew, and no pause keeps from it. */
  #follow({ identity, identityWithLog }: CatalogFiles): void {
    if (identity !== this.#identity) {
      this.#forget();
      this.#identity = identity;
    }
    if (identityWithLog !== this.#identityWithLog) {
      this.#identityWithLog = identityWithLog;
      this.#notBeforeMillis = 0;
    }
  }

  #read(runs: readonly SandboxRun[], files: CatalogFiles): void {
    if (this.#seen !== files.fingerprint) {
      const isTooRecent = Math.abs(Date.now() - files.changedAtMillis) < TOO_RECENT_MILLIS;
      this.#seen = isTooRecent ? '' : files.fingerprint;
      this.#generation++;
      this.#last = undefined;
    }
    if (this.#last?.isComplete === true) {
      return;
    }
    const generationOf = ({ sandboxId }: SandboxRun): number => this.#known.get(sandboxId)?.generation ?? 0;
    const wanted = runs
      .filter((run) => generationOf(run) !== this.#generation)
      .sort((a, b) => generationOf(a) - generationOf(b));
    if (wanted.length === 0) {
      return;
    }
    const portions = this.#portionsOf(wanted, files);
    // A file that was read without its log while somebody wrote may be a mixture: the next tick looks again.
    if (files.hasLog || catalogFingerprint(this.#path) === files.fingerprint) {
      for (const { asked, rows } of portions) {
        this.#remember(asked, rows);
      }
      this.#forgetThoseThatAreGone(runs);
    }
  }

  /** Reads as many of the wanted as there is time for, at least some. */
  #portionsOf(
    wanted: readonly SandboxRun[],
    files: CatalogFiles,
  ): readonly { readonly asked: readonly SandboxRun[]; readonly rows: readonly CatalogRow[] }[] {
    const deadline = performance.now() + LONGEST_READ_MILLIS;
    const portions = [];
    const database = openCatalog(this.#path, files);
    try {
      const query = new CatalogQuery(database);
      for (
        let from = 0;
        from < wanted.length && (from === 0 || performance.now() < deadline);
        from += PORTION
      ) {
        const asked = wanted.slice(from, from + PORTION);
        portions.push({ asked, rows: query.rowsOf(idsOf(asked)) });
      }
    } finally {
      database.close();
    }
    return portions;
  }

  #remember(asked: readonly SandboxRun[], rows: readonly CatalogRow[]): void {
    this.#last = undefined;
    const generation = this.#generation;
    const found = new Map(rows.map((row) => [row.id, row]));
    for (const { sandboxId } of asked) {
      const row = found.get(sandboxId);
      const known = row === undefined ? NOT_THERE : this.#knownOf(row, this.#known.get(sandboxId));
      this.#known.set(sandboxId, { ...known, generation });
    }
  }

  #forgetThoseThatAreGone(runs: readonly SandboxRun[]): void {
    if (this.#known.size > runs.length + MOST_GONE) {
      const there = new Set(idsOf(runs));
      for (const id of [...this.#known.keys()].filter((each) => !there.has(each))) {
        this.#known.delete(id);
      }
    }
  }

  /** Labels that are what they were stay the same object, so that what is made of them is made once. */
  #knownOf(
    { name, labels: json, isTooLong, isValid }: CatalogRow,
    before: Known | undefined,
  ): Omit<Known, 'generation'> {
    try {
      if (isTooLong) {
        throw new LabelError('its labels or its configuration are too long');
      }
      if (!isValid) {
        throw new LabelError('its configuration is no JSON');
      }
      const labels = parseLabels(json, this.#excluded);
      const isSame = before !== undefined && areSame(before.labels, labels);
      return { name, labels: isSame ? before.labels : labels, problem: undefined };
    } catch (error) {
      return {
        name,
        labels: NO_LABELS,
        problem: error instanceof LabelError ? error.message : 'its labels are no JSON',
      };
    }
  }

  #forget(): void {
    this.#last = undefined;
    this.#known.clear();
    this.#identity = '';
    this.#seen = '';
  }
}

const idsOf = (runs: readonly SandboxRun[]): number[] => runs.map(({ sandboxId }) => sandboxId);

function areSameRuns(a: readonly SandboxRun[], b: readonly SandboxRun[]): boolean {
  return a.length === b.length && a.every((run, index) => run === b[index]);
}

function areSame(a: Labels, b: Labels): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
