import {
  type Collection,
  type FoundHome,
  type RegistryState,
  type RegistryStatus,
  type SkippedRows,
  sumOfSkipped,
  totalSkipped,
} from '../index.js';
import type { Log, LogFields } from './log.js';

/** How long a state in which nothing arrives may last before it is warned of, ms. */
export const SILENT_MILLIS = 10_000;

/** What is known of a state in which nothing arrives. Immutable. */
export interface RegistryWatch {
  readonly missing: Silence;
  readonly skipping: Silence;
  /** Rows that are left out beside others, for a reason that somebody should look at. */
  readonly fromFuture: Silence;
  readonly tooMany: Silence;
}

/** Since when something is missing, Unix ms, and whether it was warned of. */
interface Silence {
  readonly sinceMillis: number | undefined;
  readonly isWarned: boolean;
}

const NO_SILENCE: Silence = { sinceMillis: undefined, isWarned: false };

/** Nothing is missing. */
export const NOTHING_MISSING: RegistryWatch = {
  missing: NO_SILENCE,
  skipping: NO_SILENCE,
  fromFuture: NO_SILENCE,
  tooMany: NO_SILENCE,
};

/** A record for the log. */
export interface WatchRecord {
  readonly level: 'warn' | 'info';
  readonly message: string;
  readonly fields?: LogFields;
}

/** Logs records. */
export function logRecords(log: Log, target: string, records: readonly WatchRecord[]): void {
  for (const { level, message, fields } of records) {
    log(level, target, message, fields);
  }
}

/** What the warnings name. */
export interface WatchContext {
  readonly msbHome: string;
  /** Lists the registries of all homes on this host. Called only for a warning. */
  readonly findRegistries: () => readonly FoundHome[];
}

/**
 * Notices that nothing arrives: that there has been no registry, or that every row in use was left out, for
 * {@link SILENT_MILLIS}. Warns once, and again only after a recovery.
 */
export function watchRegistries(
  watch: RegistryWatch,
  collection: Collection,
  context: WatchContext,
): readonly [RegistryWatch, readonly WatchRecord[]] {
  const { registries, collectedAtMillis: now } = collection;
  const skipped = sumOfSkipped(registries.map(({ skipped }) => skipped));
  const isMissing = registries.every(({ state }) => NOT_OURS.has(state));
  const isSkipping = registries.every(({ rows }) => rows === 0) && registries.some(({ used }) => used > 0);
  const [missing, missingRecords] = follow(watch.missing, isMissing, now, {
    begins: () => missingRecord(collection, context),
    ends: 'there is a registry now',
  });
  const [skipping, skippingRecords] = follow(watch.skipping, isSkipping, now, {
    begins: () => (totalSkipped(skipped) > 0 ? skippingRecord(skipped) : unsampledRecord(registries)),
    ends: registries.some(({ rows }) => rows > 0)
      ? 'sandboxes are reported now'
      : 'no sandbox is left out any more, and none runs',
  });
  const [fromFuture, futureRecords] = follow(watch.fromFuture, skipped.fromFuture > 0, now, {
    mayBegin: !isSkipping,
    begins: () => ({
      level: 'warn',
      message: 'sandboxes are left out: their samples lie ahead of the clock',
      fields: { sandboxes: skipped.fromFuture, reason: ADVICE.fromFuture },
    }),
    ends: 'no samples lie ahead of the clock any more',
  });
  const [tooMany, tooManyRecords] = follow(watch.tooMany, skipped.tooMany > 0, now, {
    begins: () => ({
      level: 'warn',
      message: 'sandboxes are left out: there are more than one reading may have',
      fields: { left_out: skipped.tooMany, reason: ADVICE.tooMany },
    }),
    ends: 'all sandboxes fit into a reading again',
  });
  return [
    { missing, skipping, fromFuture, tooMany },
    [...missingRecords, ...skippingRecords, ...futureRecords, ...tooManyRecords],
  ];
}

/** States in which there is no registry of this MSB_HOME that could be read; an object of a stranger is none. */
const NOT_OURS = new Set<RegistryState>(['absent', 'initialising', 'untrusted', 'unknown']);

function follow(
  { sinceMillis, isWarned }: Silence,
  isSilent: boolean,
  now: number,
  {
    mayBegin = true,
    begins,
    ends,
  }: { readonly mayBegin?: boolean; readonly begins: () => WatchRecord; readonly ends: string },
): readonly [Silence, readonly WatchRecord[]] {
  if (!isSilent) {
    return [NO_SILENCE, isWarned ? [{ level: 'info', message: ends }] : []];
  }
  // A clock that was stepped back must not put the warning off.
  const since = Math.min(sinceMillis ?? now, now);
  return !isWarned && mayBegin && now - since >= SILENT_MILLIS
    ? [{ sinceMillis: since, isWarned: true }, [begins()]]
    : [{ sinceMillis: since, isWarned }, []];
}

function missingRecord({ registries }: Collection, { msbHome, findRegistries }: WatchContext): WatchRecord {
  const others = listOf(
    findRegistries().map(({ registries: names, owner }) => `${listOf(names, ', ')} (of ${owner})`),
    '; ',
  );
  const halfMade = registries.filter(({ state }) => state === 'initialising').map(({ name }) => name);
  if (halfMade.length > 0) {
    return {
      level: 'warn',
      message:
        'the registry stays half made: the msb that creates it is stuck, or died; stop it and remove the object',
      fields: { registry: halfMade.join(', ') },
    };
  }
  return {
    level: 'warn',
    message:
      'no registry for this MSB_HOME: no sandbox has run since the last boot, or msb has another MSB_HOME',
    fields: {
      msb_home: msbHome,
      hint: hintFor(msbHome),
      looked_for: registries.map(({ name }) => name).join(', '),
      others_on_this_host: others || 'none',
    },
  };
}

/** The first of them, and how many more there are: anybody may make any number of objects. */
export function listOf(all: readonly string[], separator: string): string {
  const more = all.length - MOST_LISTED;
  return all.slice(0, MOST_LISTED).join(separator) + (more > 0 ? ` and ${more} more` : '');
}

const MOST_LISTED = 5;

/** What is usually wrong with an MSB_HOME that looks like this. */
export function hintFor(msbHome: string): string {
  if (msbHome.startsWith('~')) {
    return 'the ~ was not expanded: write the whole path';
  }
  if (msbHome.length > 1 && msbHome.endsWith('/')) {
    return 'the / at its end makes it another home: write it exactly as msb has it';
  }
  return 'it must be exactly what msb has: compare MSB_HOME in the environment of msb, and the user that runs it';
}

/** What usually keeps a row out, and what to do. */
export const ADVICE: Readonly<Record<keyof SkippedRows, string>> = {
  processGone:
    'their processes do not exist, so their sandboxes have ended; in a container without the PIDs of the host a row is reported once its sample advances',
  tooOld: 'their samples are older than --max-sample-age: the runtimes hang, or the clock was stepped',
  fromFuture:
    'their samples lie ahead of the clock by more than --max-sample-age: look at the clock of this host',
  tooMany:
    'a reading may have 16,384 sandboxes; msb makes 1,024 slots by default, so is the registry broken?',
  torn: 'their writers are suspended, or died while they wrote: restart those sandboxes',
  unknown: 'they have values that this msb-metrics does not know: is it older than msb?',
};

function unsampledRecord(registries: readonly RegistryStatus[]): WatchRecord {
  return {
    level: 'warn',
    message: 'there are sandboxes in the registry, and none of them has a first sample',
    fields: {
      sandboxes: registries.reduce((sum, { used }) => sum + used, 0),
      reason: 'their runtimes do not sample: they hang, or do it at long intervals',
    },
  };
}

function skippingRecord(skipped: SkippedRows): WatchRecord {
  const [reason] = (Object.entries(skipped) as [keyof SkippedRows, number][]).sort((a, b) => b[1] - a[1])[0];
  return {
    level: 'warn',
    message: 'there are sandboxes in the registry, and none of them is reported',
    fields: {
      process_gone: skipped.processGone || undefined,
      sample_too_old: skipped.tooOld || undefined,
      sample_from_future: skipped.fromFuture || undefined,
      torn: skipped.torn || undefined,
      too_many: skipped.tooMany || undefined,
      unknown_state: skipped.unknown || undefined,
      reason: ADVICE[reason],
    },
  };
}
