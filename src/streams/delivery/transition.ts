import { askedWaitMillis, backoffMillis, MAX_BACKOFF_MULTIPLE } from '../backoff.js';
import type { DeliveryEvent } from '../delivery-events.js';
import { dropOldest } from '../drop-oldest.js';
import { type DeliveryTotals, type ExportResult, MAX_SPLITS_IN_A_ROW } from '../exporter.js';
import type { Queue } from '../queue.js';
import type { DeliveryEffect } from './effect.js';
import type { DeliveryInput } from './input.js';
import { type Delivery, leftToFlush, withHeld } from './state.js';

/** What the rules need to know that does not change while a sink runs. */
export interface DeliverySettings<T> {
  /** ms; also the base of the backoff. */
  readonly flushIntervalMillis: number;
  readonly maxBuffered: number;
  /** Whether a flush with nothing to send exports an empty batch. */
  readonly exportsEmptyBatches: boolean;
  /**
   * How many of the items to send go out together. An answer that is not a count of them, 1 to all, counts as all.
   * An error counts as a failed export. Must not throw. `undefined`: always all.
   */
  readonly batchSize: ((sendable: readonly T[], totals: DeliveryTotals) => number | Error) | undefined;
}

/** A new state, and what is to be done, in order. */
export type Step<T> = readonly [Delivery<T>, readonly DeliveryEffect<T>[]];

/**
 * All rules of a sink: a pure function of its state and of what happens to it. Each row of the tables in
 * docs/semantics.md is one case here.
 *
 * Invariants, after every step:
 *
 * 1. collected = delivered + rejected + dropped + in flight + held
 * 2. items are delivered in the order of collection; what was acknowledged is not sent again
 * 3. at most `maxBuffered` items are held; what is dropped is the oldest held
 * 4. one export at a time: there is an `export` effect only where none is under way
 * 5. `end` comes once, after `drained`; there is no effect after it
 *
 * @param nowMillis wall-clock time, Unix ms. It appears in events and totals. One rule reads it: whether the wait that a
 *   receiver asks for in answer to the last chance is longer than what is left of the wait.
 */
export function transition<T>(
  state: Delivery<T>,
  input: DeliveryInput<T>,
  nowMillis: number,
  settings: DeliverySettings<T>,
): Step<T> {
  const { phase } = state;
  if (phase === 'done') {
    return [state, NOTHING];
  }
  switch (input.type) {
    case 'collected':
      return collect(state, input.item, nowMillis, settings);
    case 'flush-due':
      if (phase === 'idle' || phase === 'waiting') {
        return beginFlush(state, nowMillis, settings);
      }
      // The wait is over: the last chance under way is now the attempt that was due.
      return state.lastChance === 'running' ? [{ ...state, lastChance: 'used' }, NOTHING] : [state, NOTHING];
    case 'flush-requested':
      switch (phase) {
        case 'idle':
          return beginFlush(state, nowMillis, settings);
        case 'waiting':
          return after([RESUME], beginFlush(state, nowMillis, settings));
        default:
          return [state.ended === undefined ? throughAllHeld(state) : state, NOTHING];
      }
    case 'answered':
      return phase === 'exporting' ? settle(state, input.result, nowMillis, settings) : [state, NOTHING];
    case 'go-on':
      return phase === 'exporting' ? goOn(state, nowMillis, settings) : [state, NOTHING];
    case 'asked-wait-over':
      return [{ ...state, isAskedToWait: false }, NOTHING];
    case 'source-ended': {
      if (state.ended !== undefined) {
        return [state, NOTHING];
      }
      const ended = { ...state, ended: input.end };
      return phase === 'exporting' ? [ended, NOTHING] : beginDrain(ended, nowMillis, settings);
    }
    case 'deadline':
      return phase === 'exporting'
        ? andThen(settle(state, { status: 'failed', error: input.error }, nowMillis, settings), finish)
        : finish(state);
    case 'shut-down':
      return phase === 'shutting-down' ? finish(state) : [state, NOTHING];
  }
}

const NOTHING: readonly never[] = [];
const RESUME = { type: 'resume' } as const;
const GO_ON = { type: 'go-on' } as const;
const BEGIN_DRAIN = { type: 'begin-drain' } as const;
const SHUT_DOWN = { type: 'shut-down' } as const;
const COMPLETION = { kind: 'C' } as const;
const FLUSHED = { type: 'emit', event: { type: 'flushed' } } as const;

const emit = (event: DeliveryEvent): DeliveryEffect<never> => ({ type: 'emit', event });

const after = <T>(effects: readonly DeliveryEffect<T>[], [state, more]: Step<T>): Step<T> => [
  state,
  more.length === 0 ? effects : [...effects, ...more],
];

const andThen = <T>([state, effects]: Step<T>, next: (state: Delivery<T>) => Step<T>): Step<T> =>
  after(effects, next(state));

const throughAllHeld = <T>(state: Delivery<T>): Delivery<T> => ({
  ...state,
  flushThrough: state.totals.collected,
});

/** Holds an item. Where that makes the buffer full in a wait, the last chance comes before anything is dropped. */
function collect<T>(state: Delivery<T>, item: T, nowMillis: number, settings: DeliverySettings<T>): Step<T> {
  const { maxBuffered } = settings;
  if (!hasLastChance(state) || state.held.size + 1 < maxBuffered) {
    return hold(state, item, maxBuffered);
  }
  return state.held.size < maxBuffered
    ? andThen(hold(state, item, maxBuffered), (full) => beginLastChance(full, nowMillis, settings))
    : andThen(beginLastChance(state, nowMillis, settings), (sending) => hold(sending, item, maxBuffered));
}

function hold<T>(state: Delivery<T>, item: T, maxBuffered: number): Step<T> {
  return trimTo(state, state.held.add(item), maxBuffered, 1);
}

function putBack<T>(state: Delivery<T>, items: readonly T[], maxBuffered: number): Step<T> {
  return items.length === 0 ? [state, NOTHING] : trimTo(state, state.held.putBack(items), maxBuffered, 0);
}

function trimTo<T>(state: Delivery<T>, held: Queue<T>, maxBuffered: number, collected: 0 | 1): Step<T> {
  const { kept, dropped } = dropOldest(held, maxBuffered);
  const next = withHeld(state, kept, collected, dropped);
  return [
    next,
    dropped === 0 ? NOTHING : [emit({ type: 'dropped', items: dropped, total: next.totals.dropped })],
  ];
}

const hasLastChance = <T>({ phase, lastChance, isAskedToWait }: Delivery<T>): boolean =>
  phase === 'waiting' && lastChance === 'unused' && !isAskedToWait;

/** An attempt during a wait. The wait goes on meanwhile, and keeps its end if the attempt fails. */
function beginLastChance<T>(state: Delivery<T>, nowMillis: number, settings: DeliverySettings<T>): Step<T> {
  return beginFlush({ ...state, lastChance: 'running' }, nowMillis, settings);
}

function beginFlush<T>(state: Delivery<T>, nowMillis: number, settings: DeliverySettings<T>): Step<T> {
  const flushing = throughAllHeld({ ...state, phase: 'exporting' as const });
  return leftToFlush(flushing) > 0 || settings.exportsEmptyBatches
    ? exportNext(flushing, nowMillis, settings)
    : [{ ...state, phase: 'idle' }, [FLUSHED]];
}

function exportNext<T>(state: Delivery<T>, nowMillis: number, settings: DeliverySettings<T>): Step<T> {
  const left = leftToFlush(state);
  const sendable = state.held.oldest(left);
  const asked = left > 0 && settings.batchSize ? settings.batchSize(sendable, state.totals) : left;
  if (asked instanceof Error) {
    return failed(state, [], { status: 'failed', error: asked }, nowMillis, settings);
  }
  const size = asked >= 1 && asked <= left ? Math.floor(asked) : left;
  const batch = size === left ? sendable : sendable.slice(0, size);
  return [
    { ...state, inFlight: batch, held: state.held.without(size) },
    [{ type: 'export', batch, totals: state.totals }],
  ];
}

/** After an answer that was not a failure: the next export of the flush, or its end. */
function goOn<T>(state: Delivery<T>, nowMillis: number, settings: DeliverySettings<T>): Step<T> {
  if (state.ended !== undefined && state.drain === undefined) {
    return beginDrain(state, nowMillis, settings);
  }
  if (leftToFlush(state) > 0) {
    return exportNext(state, nowMillis, settings);
  }
  return state.drain === undefined ? [{ ...state, phase: 'idle' }, [FLUSHED]] : shutDown(state);
}

type Result<T, Status extends ExportResult<T>['status']> = Extract<
  ExportResult<T>,
  { readonly status: Status }
>;

function settle<T>(
  state: Delivery<T>,
  result: ExportResult<T>,
  nowMillis: number,
  settings: DeliverySettings<T>,
): Step<T> {
  const landed = { ...state, inFlight: [] };
  switch (result.status) {
    case 'delivered':
      return delivered(landed, state.inFlight, result, nowMillis, settings);
    case 'rejected':
      return rejected(landed, state.inFlight, result, settings);
    case 'split':
      return state.splitsInARow < MAX_SPLITS_IN_A_ROW
        ? split(landed, state.inFlight, result, settings)
        : failed(landed, state.inFlight, { ...result, status: 'failed' }, nowMillis, settings);
    case 'failed':
      return failed(landed, state.inFlight, result, nowMillis, settings);
  }
}

function delivered<T>(
  state: Delivery<T>,
  batch: readonly T[],
  result: Result<T, 'delivered'>,
  nowMillis: number,
  { maxBuffered }: DeliverySettings<T>,
): Step<T> {
  const { totals, droppedSinceSuccess: droppedBefore, failuresInARow: failures, lastChance } = state;
  const { partial } = result;
  const remainder = remainderOf(batch, result);
  const items = batch.length - remainder.length;
  const acknowledged: Delivery<T> = {
    ...state,
    failuresInARow: 0,
    splitsInARow: 0,
    droppedSinceSuccess: 0,
    lastError: undefined,
    lastChance: 'unused',
    totals: {
      ...totals,
      delivered: totals.delivered + items,
      rejectedPoints: totals.rejectedPoints + (partial?.rejectedPoints ?? 0),
      exportsSucceeded: totals.exportsSucceeded + 1,
      lastSuccessAtMillis: nowMillis,
    },
  };
  const effects: DeliveryEffect<T>[] = [
    ...endOfWait(lastChance),
    emit({ type: 'exported', items, droppedBefore, partial }),
    ...(failures > 0 ? [emit({ type: 'recovered', failures })] : []),
  ];
  return thenGoOn(after(effects, putBack(acknowledged, remainder, maxBuffered)));
}

function rejected<T>(
  state: Delivery<T>,
  batch: readonly T[],
  result: Result<T, 'rejected'>,
  { maxBuffered }: DeliverySettings<T>,
): Step<T> {
  const { totals, lastChance } = state;
  const { error, rejectedPoints: points = 0 } = result;
  const remainder = remainderOf(batch, result);
  const items = batch.length - remainder.length;
  const refused: Delivery<T> = {
    ...state,
    splitsInARow: 0,
    lastError: error,
    lastChance: afterAnswer(lastChance),
    totals: {
      ...totals,
      exportsFailed: totals.exportsFailed + 1,
      rejected: totals.rejected + items,
      rejectedPoints: totals.rejectedPoints + points,
    },
  };
  const effects = [...endOfWait(lastChance), emit({ type: 'rejected', error, items, points })];
  return thenGoOn(after(effects, putBack(refused, remainder, maxBuffered)));
}

function split<T>(
  state: Delivery<T>,
  batch: readonly T[],
  { error }: Result<T, 'split'>,
  { maxBuffered }: DeliverySettings<T>,
): Step<T> {
  const { lastChance } = state;
  const divided: Delivery<T> = {
    ...countFailedExport(state),
    splitsInARow: state.splitsInARow + 1,
    lastChance: afterAnswer(lastChance),
  };
  const effects = [...endOfWait(lastChance), emit({ type: 'split', error, items: batch.length })];
  return thenGoOn(after(effects, putBack(divided, batch, maxBuffered)));
}

function failed<T>(
  state: Delivery<T>,
  batch: readonly T[],
  { error, retryAfterMillis = 0 }: Result<T, 'failed'>,
  nowMillis: number,
  settings: DeliverySettings<T>,
): Step<T> {
  const { flushIntervalMillis, maxBuffered } = settings;
  const isLastChance = state.lastChance === 'running';
  const failures = state.failuresInARow + (isLastChance ? 0 : 1);
  const [waiting, dropped] = putBack<T>(
    {
      ...countFailedExport(state),
      phase: 'waiting',
      splitsInARow: 0,
      failuresInARow: failures,
      lastError: error,
      lastChance: afterAnswer(state.lastChance),
    },
    batch,
    maxBuffered,
  );
  const told = (retryInMillis: number | undefined): readonly DeliveryEffect<T>[] => [
    emit({ type: 'failed', error, failures, retryInMillis, held: waiting.held.size }),
    ...dropped,
  ];
  if (state.drain !== undefined) {
    return after(told(undefined), shutDown(waiting));
  }
  if (state.ended !== undefined) {
    return after(told(0), beginDrain(waiting, nowMillis, settings));
  }
  const askedMillis = askedWaitMillis(flushIntervalMillis, retryAfterMillis);
  const leftMillis = isLastChance ? leftOfWait(waiting, nowMillis, settings) : 0;
  if (isLastChance && askedMillis <= leftMillis) {
    return [waiting, told(leftMillis)];
  }
  const waitMillis = isLastChance
    ? Math.max(flushIntervalMillis, askedMillis)
    : backoffMillis(flushIntervalMillis, failures, retryAfterMillis);
  return [
    { ...waiting, isAskedToWait: askedMillis > 0, waitEndsAtMillis: nowMillis + waitMillis },
    [
      { type: 'back-off', waitMillis, askedMillis: askedMillis < waitMillis ? askedMillis : 0 },
      ...told(waitMillis),
    ],
  ];
}

/** What is left of the wait, ms. At least 1 and at most the longest wait, whatever the clock did meanwhile. */
function leftOfWait<T>(
  { waitEndsAtMillis }: Delivery<T>,
  nowMillis: number,
  { flushIntervalMillis }: DeliverySettings<T>,
): number {
  return Math.min(Math.max(1, waitEndsAtMillis - nowMillis), flushIntervalMillis * MAX_BACKOFF_MULTIPLE);
}

/** One last attempt for what is held. With nothing held, only a failed heartbeat is made good. */
function beginDrain<T>(state: Delivery<T>, nowMillis: number, settings: DeliverySettings<T>): Step<T> {
  const draining = throughAllHeld({
    ...state,
    phase: 'exporting' as const,
    drain: { rejectedBefore: state.totals.rejected },
  });
  const heartbeatFailed = settings.exportsEmptyBatches && state.failuresInARow > 0;
  return after(
    [BEGIN_DRAIN],
    leftToFlush(draining) > 0 || heartbeatFailed
      ? exportNext(draining, nowMillis, settings)
      : shutDown(draining),
  );
}

function shutDown<T>(state: Delivery<T>): Step<T> {
  return [{ ...state, phase: 'shutting-down' }, [SHUT_DOWN]];
}

function finish<T>(state: Delivery<T>): Step<T> {
  const { held, totals, drain, lastError: error, ended: end = COMPLETION } = state;
  const rejected = totals.rejected - (drain?.rejectedBefore ?? 0);
  return [
    { ...state, phase: 'done' },
    [emit({ type: 'drained', lost: held.size, rejected, error }), { type: 'end', end }],
  ];
}

type LastChance = Delivery<unknown>['lastChance'];

/** An answer to the last chance that is not a failure ends the wait: the receiver is there. */
const endOfWait = (lastChance: LastChance) => (lastChance === 'running' ? [RESUME] : []);

const afterAnswer = (lastChance: LastChance): LastChance => (lastChance === 'running' ? 'used' : lastChance);

const thenGoOn = <T>([state, effects]: Step<T>): Step<T> => [state, [...effects, GO_ON]];

const countFailedExport = <T>(state: Delivery<T>): Delivery<T> => ({
  ...state,
  totals: { ...state.totals, exportsFailed: state.totals.exportsFailed + 1 },
});

/** What is left of the last item of a batch. Nothing for an empty batch, which has no last item. */
function remainderOf<T>(
  batch: readonly T[],
  { remainder }: { readonly remainder?: T | undefined },
): readonly T[] {
  return batch.length === 0 || remainder === undefined ? [] : [remainder];
}
