import {
  type Collection,
  type CollectorEvent,
  type DeliveryEvent,
  ExportError,
  type RegistryStatus,
  totalSkipped,
} from '../index.js';
import { CATALOG_TARGET, CATALOG_WELL, watchCatalog } from './catalog-watch.js';
import type { Log, LogFields } from './log.js';
import type { LogLevel } from './log-filter.js';
import { numberFree } from './number-free.js';
import { logRecords, NOTHING_MISSING, type WatchContext, watchRegistries } from './registry-watch.js';

const SHM = 'msb_metrics::shm';

const LEVEL_OF_STATE: Partial<Record<RegistryStatus['state'], LogLevel>> = {
  unlinked: 'warn',
  untrusted: 'warn',
  refused: 'error',
  denied: 'error',
  failed: 'error',
  unknown: 'warn',
};

/** What the reports name. */
export interface ReportContext extends WatchContext {
  /** Where a sink delivers to, as fields of its failures, by the sink's name. Without secrets. */
  readonly destinations?: Readonly<Record<string, LogFields>>;
  /** Looks for registries of other homes and returns whether it warned of one. Default: none. */
  readonly noticeOtherHomes?: (() => boolean) | undefined;
}

/** How often an untrusted object at a registry's name is logged, ms: any local user can create and remove one at will. */
const UNTRUSTED_MILLIS = 3_600_000;

/** How often other homes are looked for, ms. */
const OTHER_HOMES_MILLIS = 60_000;

/**
 * Turns what happens in a collector into log records: a trouble is logged once when it begins and once when it ends, a
 * tick only at `debug`.
 */
export class Reporter {
  readonly #log: Log;
  readonly #context: ReportContext;
  readonly #registries = new Map<string, RegistryStatus>();
  /** When an untrusted object at a registry's name was last logged, Unix ms, by the name. */
  readonly #untrusted = new Map<string, number>();
  /** Registries whose trouble was logged and has not ended. */
  readonly #loggedTroubles = new Set<string>();
  readonly #sinks = new Map<string, SinkReporter>();
  #watch = NOTHING_MISSING;
  #catalogWatch = CATALOG_WELL;
  /** When other homes are looked for again, Unix ms. */
  #otherHomesDueMillis = Number.NEGATIVE_INFINITY;

  constructor(log: Log, context: ReportContext) {
    this.#log = log;
    this.#context = context;
  }

  /** Collections that all sinks have dropped since the start. */
  get dropped(): number {
    return [...this.#sinks.values()].reduce((sum, sink) => sum + sink.dropped, 0);
  }

  /** Collections that are in the spool at the end; `undefined` without one. */
  get spooled(): number | undefined {
    return [...this.#sinks.values()].map(({ spooled }) => spooled).find((each) => each !== undefined);
  }

  /** Reports one event. */
  report(event: CollectorEvent): void {
    switch (event.type) {
      case 'collected': {
        const { collection } = event;
        this.#registryChanges(collection);
        const [watch, records] = watchRegistries(this.#watch, collection, this.#context);
        this.#watch = watch;
        logRecords(this.#log, SHM, records);
        const [catalogWatch, catalogRecords] = watchCatalog(this.#catalogWatch, collection);
        this.#catalogWatch = catalogWatch;
        logRecords(this.#log, CATALOG_TARGET, catalogRecords);
        this.#noticeOtherHomes(collection);
        this.#log('debug', SHM, 'collected', {
          sandboxes: collection.size,
          skipped: collection.registries.reduce((sum, { skipped }) => sum + totalSkipped(skipped), 0),
          duration_ms: Number(collection.collectMillis.toFixed(3)),
          registries: collection.registries
            .filter(({ state }) => state === 'attached')
            .map(({ name }) => name)
            .join(','),
        });
        break;
      }
      case 'delivery': {
        const sink =
          this.#sinks.get(event.sink) ??
          new SinkReporter(this.#log, `msb_metrics::${event.sink}`, this.#context.destinations?.[event.sink]);
        this.#sinks.set(event.sink, sink);
        sink.report(event.event);
        break;
      }
      case 'sink-ended':
        if (event.error !== undefined) {
          this.#log('error', `msb_metrics::${event.sink}`, 'sink failed', { error: event.error.message });
        }
        break;
    }
  }

  /** Another home is worth a word only where this one has a registry: else this one may be the wrong one. */
  #noticeOtherHomes({ registries, collectedAtMillis }: Collection): void {
    if (
      collectedAtMillis >= this.#otherHomesDueMillis &&
      registries.some(({ state }) => state === 'attached')
    ) {
      const hasWarned = this.#context.noticeOtherHomes?.() ?? true;
      this.#otherHomesDueMillis = hasWarned
        ? Number.POSITIVE_INFINITY
        : collectedAtMillis + OTHER_HOMES_MILLIS;
    }
  }

  #registryChanges({ registries, collectedAtMillis }: Collection): void {
    const present = new Map(registries.map((registry) => [keyOf(registry), registry]));
    for (const [key, before] of this.#registries) {
      const now = present.get(key);
      if (LEVEL_OF_STATE[before.state] !== undefined && now?.state !== before.state) {
        const isLogged = this.#loggedTroubles.delete(key);
        this.#log(isLogged ? 'info' : 'debug', SHM, `the trouble with the registry ${before.name} has ended`);
      }
    }
    for (const [key, now] of present) {
      const before = this.#registries.get(key);
      if (before?.state !== now.state || (before.message !== now.message && now.state !== 'unlinked')) {
        this.#registryChange(key, now, before, collectedAtMillis);
      }
    }
    this.#registries.clear();
    for (const [name, registry] of present) {
      this.#registries.set(name, registry);
    }
  }

  #registryChange(
    key: string,
    now: RegistryStatus,
    before: RegistryStatus | undefined,
    nowMillis: number,
  ): void {
    const { name } = now;
    switch (now.state) {
      case 'attached':
        this.#log('info', SHM, 'registry attached', { registry: name, slots: now.capacity });
        break;
      case 'initialising':
        this.#log('info', SHM, 'registry is being initialised by its creator', { registry: name });
        break;
      case 'absent':
        this.#log(before?.state === 'attached' ? 'info' : 'debug', SHM, 'no such registry', {
          registry: name,
        });
        break;
      default:
        if (now.state === 'untrusted' && this.#isLoggedLately(name, nowMillis)) {
          this.#log('debug', SHM, now.message);
        } else {
          this.#loggedTroubles.add(key);
          this.#log(LEVEL_OF_STATE[now.state] ?? 'error', SHM, now.message);
        }
    }
  }

  /** Whether an untrusted object at a name was logged within the last hour. If not, it counts as logged now. */
  #isLoggedLately(name: string, nowMillis: number): boolean {
    const loggedAt = this.#untrusted.get(name);
    // A clock that was stepped back must not put the next warning off.
    if (loggedAt !== undefined && Math.abs(nowMillis - loggedAt) < UNTRUSTED_MILLIS) {
      return true;
    }
    this.#untrusted.set(name, nowMillis);
    return false;
  }
}

/** A removed registry and a new one of the same name exist at once. */
const keyOf = ({ name, state }: RegistryStatus): string => (state === 'unlinked' ? `${name} unlinked` : name);

/**
 * A trouble that may go on from flush to flush. Its beginning is logged, and its end, which is the first flush without
 * it. What comes in between is logged at `debug`.
 */
class Episode {
  /** The counts so far, by their names in the log record of the end. `undefined` while there is no such trouble. */
  #counts: Readonly<Record<string, number>> | undefined;
  #hasHappenedSinceFlush = false;

  constructor(
    readonly begins: { readonly level: LogLevel; readonly message: string },
    readonly endsWith: string,
    readonly write: (level: LogLevel, message: string, fields?: LogFields) => void,
  ) {}

  happened(counts: Readonly<Record<string, number>>, fields: LogFields): void {
    this.write(this.#counts === undefined ? this.begins.level : 'debug', this.begins.message, fields);
    const before = this.#counts ?? {};
    this.#counts = Object.fromEntries(
      Object.entries(counts).map(([name, count]) => [name, (before[name] ?? 0) + count]),
    );
    this.#hasHappenedSinceFlush = true;
  }

  flushed(): void {
    if (this.#counts !== undefined && !this.#hasHappenedSinceFlush) {
      this.write('info', this.endsWith, this.#counts);
      this.#counts = undefined;
    }
    this.#hasHappenedSinceFlush = false;
  }
}

/**
 * The cause in a failure's message. Numbers, times and ids after the first colon differ from attempt to attempt, and do
 * not make another cause.
 */
function causeOf(message: string): string {
  const [kind, ...rest] = message.split(':');
  return [kind, ...rest.map(numberFree)].join(':');
}

/** Reports on one sink. */
class SinkReporter {
  readonly #log: Log;
  readonly #target: string;
  readonly #destination: LogFields;
  /** Collections dropped since the start. */
  dropped = 0;
  /** Collections left in the spool by the drain. */
  spooled: number | undefined;
  #isSpoolFailing = false;
  /** The cause last logged in the outage under way. */
  #failing: string | undefined;
  readonly #dropping = this.#episode(
    'warn',
    'buffer full, dropping the oldest collections',
    'the buffer holds all again',
  );
  readonly #spoolDropping = this.#episode(
    'warn',
    'dropping collections of the spool: it is full, or they cannot be read',
    'the spool keeps all again',
  );
  readonly #rejecting = this.#episode(
    'error',
    'the backend refuses data, giving it up',
    'the backend takes all data again',
  );
  readonly #leavingOut = this.#episode(
    'warn',
    'the backend accepts requests only in part',
    'the backend accepts requests whole again',
  );
  readonly #remarking = this.#episode(
    'warn',
    'the backend accepts requests with a remark',
    'the backend accepts requests without a remark again',
  );
  readonly #splitting = this.#episode(
    'warn',
    'the backend refused a request, sending smaller ones',
    'the backend takes what it is sent again',
  );

  readonly #spooling = this.#episode(
    'info',
    'the backend does not take collections, they go to the spool',
    'no collections go to the spool any more',
  );

  readonly #episodes = [
    this.#spooling,
    this.#spoolDropping,
    this.#dropping,
    this.#rejecting,
    this.#leavingOut,
    this.#remarking,
    this.#splitting,
  ];

  constructor(log: Log, target: string, destination: LogFields = {}) {
    this.#log = log;
    this.#target = target;
    this.#destination = destination;
  }

  report(event: DeliveryEvent): void {
    switch (event.type) {
      case 'exported':
        this.#write('debug', 'exported', { collections: event.items, dropped_before: event.droppedBefore });
        if (event.partial !== undefined) {
          const { rejectedPoints, message } = event.partial;
          const fields = { rejected_points: rejectedPoints, backend_message: message, ...this.#destination };
          const episode = rejectedPoints > 0 ? this.#leavingOut : this.#remarking;
          episode.happened({ partial_successes: 1 }, fields);
        }
        break;
      case 'recovered':
        this.#failing = undefined;
        this.#write('info', 'metrics exporter recovered', { failures: event.failures });
        break;
      case 'failed': {
        const cause = causeOf(event.error.message);
        // What fails in the drain is logged at its end.
        const isLast = event.retryInMillis === undefined;
        this.#write(isLast || this.#failing === cause ? 'debug' : 'warn', 'metrics export failed', {
          error: event.error.message,
          failures: event.failures,
          retry_in_ms: event.retryInMillis,
          held: event.held,
          ...this.#destination,
          remedy: event.error instanceof ExportError ? event.error.remedy : undefined,
        });
        this.#failing = cause;
        break;
      }
      case 'split':
        this.#splitting.happened(
          { refused_requests: 1 },
          { error: event.error.message, collections: event.items, ...this.#destination },
        );
        break;
      case 'rejected':
        this.#rejecting.happened(
          { rejected_collections: event.items, rejected_points: event.points },
          {
            error: event.error.message,
            collections: event.items,
            points: event.points,
            ...this.#destination,
          },
        );
        break;
      case 'dropped':
        this.dropped = event.total;
        (event.isFromSpool === true ? this.#spoolDropping : this.#dropping).happened(
          { dropped: event.items },
          { dropped: event.items, total: event.total },
        );
        break;
      case 'spooled':
        if (event.recovered) {
          this.#isSpoolFailing = false;
          this.#write('info', 'the spool can be written again');
        }
        this.#spooling.happened({ spooled: event.items }, { collections: event.items, bytes: event.bytes });
        break;
      case 'spool-failed':
        this.#write(
          this.#isSpoolFailing ? 'debug' : 'warn',
          'the spool cannot be used, collections stay in memory',
          {
            error: event.error.message,
            remedy:
              'look at its disk: is it full, read-only, or gone? It is tried again at every flush interval',
          },
        );
        this.#isSpoolFailing = true;
        break;
      case 'segment-lost':
        this.#write('warn', 'a segment of the spool cannot be read, the others are sent', {
          collections: event.items,
          error: event.error.message,
        });
        break;
      case 'flushed':
        for (const episode of this.#episodes) {
          episode.flushed();
        }
        break;
      case 'drained':
        // The end of the program logs how the drain ended.
        this.spooled = event.spooled;
        this.#write('debug', 'drained', { lost: event.lost + event.rejected, error: event.error?.message });
        break;
    }
  }

  #episode(level: LogLevel, begins: string, endsWith: string): Episode {
    return new Episode({ level, message: begins }, endsWith, (...record) => this.#write(...record));
  }

  #write(level: LogLevel, message: string, fields?: LogFields): void {
    this.#log(level, this.#target, message, fields);
  }
}
