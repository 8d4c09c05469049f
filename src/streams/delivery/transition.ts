import { askedWaitMillis, backoffMillis, MAX_BACKOFF_MULTIPLE } from '../backoff.js';
import type { DeliveryEvent } from '../delivery-events.js';
import { totalsAfter, totalsAfterFailedExport } from '../delivery-totals.js';
import { type DeliveryTotals, type ExportResult, MAX_SPLITS_IN_A_ROW } from '../exporter.js';
import type { DeliveryEffect } from './effect.js';
import type { DeliveryInput } from './input.js';
import {
  diskFailed,
  hasSpool,
  hasUnsaved,
  MOST_ITEMS_OF_A_SEGMENT,
  notWritten,
  putBackRest,
  readOldest,
  type Step,
  sourceOf,
  takeBatch,
  takeFront,
  trimTo,
  unloadFront,
  type WithSpool,
  withoutOldest,
  withSpool,
  writeNext,
  written,
} from './spool-rules.js';
import { type Delivery, leftToFlush } from './state.js';

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
  /** Bytes on disk beyond which the oldest segments are dropped. Only with a spool. */
  readonly maxSpoolBytes?: number | undefined;
}

export type { Step } from './spool-rules.js';

/**
 * All rules of a sink: a pure function of its state and of what happens to it. Each row of the tables in
 * docs/semantics.md is one case here.
 *
 * Invariants, after every step:
 *
 * 1. collected = delivered + rejected + dropped + in flight + held + in the spool
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
    case 'write-due':
      return writeNext(state);
    case 'unanswered':
      return hasSpool(state) && phase === 'exporting'
        ? writeNext(withSpool(state, { isUnanswered: true }))
        : [state, NOTHING];
    case 'written':
      return hasSpool(state)
        ? andThen(written(state, input.segment, settings.maxSpoolBytes ?? Number.POSITIVE_INFINITY), (next) =>
            afterWrite(next, state, nowMillis, settings),
          )
        : [state, NOTHING];
    case 'not-written':
      return hasSpool(state)
        ? andThen(notWritten(state, input.error, settings.maxBuffered), (next) =>
            afterFailedWrite(next, state.spool.writing?.isLast === true, nowMillis, settings),
          )
        : [state, NOTHING];
    case 'disk-failed':
      return hasSpool(state) ? diskFailed(state, input.error) : [state, NOTHING];
    case 'disk-settled':
      return hasSpool(state) ? shutDownExporter(withSpool(state, { isSettling: false })) : [state, NOTHING];
    case 'read':
      return hasSpool(state) && state.spool.isReading
        ? goOnExporting(takeFront(state, input.items), nowMillis, settings)
        : [state, NOTHING];
    case 'not-read':
      return hasSpool(state) && state.spool.isReading
        ? notRead(state, input, nowMillis, settings)
        : [state, NOTHING];
    case 'source-ended': {
      if (state.ended !== undefined) {
        return [state, NOTHING];
      }
      const ended = { ...state, ended: input.end };
      return phase === 'exporting' ? [ended, NOTHING] : beginDrain(ended, nowMillis, settings);
    }
    case 'deadline': {
      const over = { ...state, drain: state.drain && { ...state.drain, isOver: true } };
      return phase === 'exporting'
        ? andThen(
            settle(over, { status: 'failed', error: input.error }, nowMillis, settings),
            finishUnlessWriting,
          )
        : finishUnlessWriting(over);
    }
    case 'shut-down':
      return phase === 'shutting-down' ? finish(state) : [state, NOTHING];
  }
}

const NOTHING: readonly never[] = [];
const RESUME = { type: 'resume' } as const;
const GO_ON = { type: 'go-on' } as const;
const BEGIN_DRAIN = { type: 'begin-drain' } as const;
const SHUT_DOWN = { type: 'shut-down' } as const;
const CANCEL_EXPORT = { type: 'cancel-export' } as const;
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

/** With a spool a full buffer goes to disk, before anything is dropped. */
function hold<T>(state: Delivery<T>, item: T, maxBuffered: number): Step<T> {
  const holding = trimTo(state, state.held.add(item), maxBuffered, 1);
  return hasSpool(state)
    ? andThen(holding, (next) => (next.held.size >= maxBuffered ? writeNext(next, true) : [next, NOTHING]))
    : holding;
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
  const source = sourceOf(state);
  const all = leftToFlush(state);
  if (hasSpool(state) && all > 0) {
    if (source === 'segment') {
      return readOldest(state);
    }
    if (source === 'writing') {
      return [withSpool(state, { isFlushWaiting: true }), NOTHING];
    }
  }
  const queue = source === 'front' && state.spool !== undefined ? state.spool.front : state.held;
  const left = Math.min(all, queue.size);
  const sendable = queue.oldest(left);
  const asked = left > 0 && settings.batchSize ? settings.batchSize(sendable, state.totals) : left;
  if (asked instanceof Error) {
    return failed(state, [], { status: 'failed', error: asked }, nowMillis, settings);
  }
  const size = asked >= 1 && asked <= left ? Math.floor(asked) : left;
  const batch = size === left ? sendable : sendable.slice(0, size);
  return [takeBatch(state, batch, source), [{ type: 'export', batch, totals: state.totals }]];
}

/** The flush that waited for the disk goes on. */
function goOnExporting<T>(state: Delivery<T>, nowMillis: number, settings: DeliverySettings<T>): Step<T> {
  return state.phase === 'exporting' ? goOn(state, nowMillis, settings) : [state, NOTHING];
}

/** After a write: the end of the drain, or the next write, or the flush that has waited for it. */
function afterWrite<T>(
  state: Delivery<T>,
  before: Delivery<T>,
  nowMillis: number,
  settings: DeliverySettings<T>,
): Step<T> {
  if (!hasSpool(state)) {
    return [state, NOTHING];
  }
  if (state.phase === 'shutting-down') {
    return hasUnsaved(state) ? writeNext(state) : closeExporter(state);
  }
  if (state.spool.isFlushWaiting) {
    return goOnAfterDisk(state, nowMillis, settings);
  }
  const { front, frontSegment } = state.spool;
  const hasUnsavedFront = front.size > 0 && frontSegment === undefined;
  const hasMore = state.held.size >= MOST_ITEMS_OF_A_SEGMENT;
  return state.spool.error === undefined &&
    (before.spool?.writing?.isFront === true || hasUnsavedFront || hasMore)
    ? writeNext(state)
    : [state, NOTHING];
}

/**
 * After a write that failed.
 *
 * @param isLast whether the end of the drain has asked for it; one from before may have failed for a reason of before
 */
function afterFailedWrite<T>(
  state: Delivery<T>,
  isLast: boolean,
  nowMillis: number,
  settings: DeliverySettings<T>,
): Step<T> {
  if (state.phase === 'shutting-down') {
    return isLast || !hasUnsaved(state) ? closeExporter(state) : writeNext(state);
  }
  return hasSpool(state) && state.spool.isFlushWaiting
    ? goOnAfterDisk(state, nowMillis, settings)
    : [state, NOTHING];
}

function goOnAfterDisk<T>(state: WithSpool<T>, nowMillis: number, settings: DeliverySettings<T>): Step<T> {
  return goOnExporting(withSpool(state, { isFlushWaiting: false }), nowMillis, settings);
}

/** A segment that is gone is left out; where the disk fails, the attempt has failed. */
function notRead<T>(
  state: WithSpool<T>,
  { error, isGone }: { readonly error: Error; readonly isGone: boolean },
  nowMillis: number,
  settings: DeliverySettings<T>,
): Step<T> {
  if (isGone) {
    return andThen(withoutOldest(state, error), (next) => goOnExporting(next, nowMillis, settings));
  }
  const [next, told] = diskFailed(withSpool(state, { isReading: false }), error);
  return next.phase === 'exporting'
    ? after(told, failed(next, [], { status: 'failed', error }, nowMillis, settings))
    : [next, told];
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
      return rejected(landed, state.inFlight, result, nowMillis, settings);
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
  const exported = { type: 'exported', items, droppedBefore, partial } as const;
  const acknowledged: Delivery<T> = {
    ...state,
    failuresInARow: 0,
    splitsInARow: 0,
    droppedSinceSuccess: 0,
    lastError: undefined,
    lastChance: 'unused',
    totals: totalsAfter(totals, exported, nowMillis),
  };
  const effects: DeliveryEffect<T>[] = [
    ...endOfWait(lastChance),
    emit(exported),
    ...(failures > 0 ? [emit({ type: 'recovered', failures })] : []),
  ];
  return thenGoOn(
    after(effects, putBackRest(acknowledged, remainder, items, maxBuffered, remainder.length > 0)),
  );
}

function rejected<T>(
  state: Delivery<T>,
  batch: readonly T[],
  result: Result<T, 'rejected'>,
  nowMillis: number,
  { maxBuffered }: DeliverySettings<T>,
): Step<T> {
  const { totals, lastChance } = state;
  const { error, rejectedPoints: points = 0 } = result;
  const remainder = remainderOf(batch, result);
  const items = batch.length - remainder.length;
  const refusal = { type: 'rejected', error, items, points } as const;
  const refused: Delivery<T> = {
    ...state,
    splitsInARow: 0,
    lastError: error,
    lastChance: afterAnswer(lastChance),
    totals: totalsAfter(totals, refusal, nowMillis),
  };
  const effects = [...endOfWait(lastChance), emit(refusal)];
  return thenGoOn(after(effects, putBackRest(refused, remainder, items, maxBuffered, remainder.length > 0)));
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
  return thenGoOn(after(effects, putBackRest(divided, batch, 0, maxBuffered)));
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
  const [returned, dropped] = putBackRest<T>(
    {
      ...countFailedExport(state),
      phase: 'waiting',
      splitsInARow: 0,
      failuresInARow: failures,
      lastError: error,
      lastChance: afterAnswer(state.lastChance),
    },
    batch,
    0,
    maxBuffered,
  );
  const [waiting, writes] = writeNext(unloadFront(returned));
  const told = (retryInMillis: number | undefined): readonly DeliveryEffect<T>[] => [
    emit({ type: 'failed', error, failures, retryInMillis, held: returned.held.size }),
    ...dropped,
    ...writes,
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
    drain: { rejectedBefore: state.totals.rejected, isOver: false },
  });
  const heartbeatFailed = settings.exportsEmptyBatches && state.failuresInARow > 0;
  return after(
    [BEGIN_DRAIN],
    leftToFlush(draining) > 0 || heartbeatFailed
      ? exportNext(draining, nowMillis, settings)
      : shutDown(draining),
  );
}

/** The end of the drain. What is left goes to the spool first. */
function shutDown<T>(state: Delivery<T>): Step<T> {
  const ending = unloadFront<T>({ ...state, phase: 'shutting-down' }, true);
  if (!hasSpool(ending)) {
    return closeExporter(ending);
  }
  return after([CANCEL_EXPORT], isSaving(ending) ? writeNext(ending) : closeExporter(ending));
}

const isSaving = <T>(state: Delivery<T>): boolean =>
  state.spool?.writing !== undefined || (state.phase === 'shutting-down' && hasUnsaved(state));

/** All calls of the disk come first. */
function closeExporter<T>(state: Delivery<T>): Step<T> {
  return hasSpool(state)
    ? [withSpool(state, { isSettling: true }), [{ type: 'settle-disk' }]]
    : shutDownExporter(state);
}

/** Where the time is up, nobody waits for the exporter. */
function shutDownExporter<T>(state: Delivery<T>): Step<T> {
  const closing: Step<T> = [state, [SHUT_DOWN]];
  return state.drain?.isOver === true ? andThen(closing, finish) : closing;
}

/** The time of the drain is up: only the disk is waited for, whose calls have a time of their own. */
function finishUnlessWriting<T>(state: Delivery<T>): Step<T> {
  return state.phase === 'done' || isSaving(state) || state.spool?.isSettling === true
    ? [state, NOTHING]
    : finish(state);
}

function finish<T>(state: Delivery<T>): Step<T> {
  const { held, totals, drain, spool, lastError: error, ended: end = COMPLETION } = state;
  const rejected = totals.rejected - (drain?.rejectedBefore ?? 0);
  const lost = held.size + (spool === undefined ? 0 : spool.front.size + (spool.writing?.items.length ?? 0));
  const drained: DeliveryEvent = { type: 'drained', lost, rejected, error };
  return [
    { ...state, phase: 'done' },
    [emit(spool === undefined ? drained : { ...drained, spooled: spool.segmentItems }), { type: 'end', end }],
  ];
}

type LastChance = Delivery<unknown>['lastChance'];

/** An answer to the last chance that is not a failure ends the wait: the receiver is there. */
const endOfWait = (lastChance: LastChance) => (lastChance === 'running' ? [RESUME] : []);

const afterAnswer = (lastChance: LastChance): LastChance => (lastChance === 'running' ? 'used' : lastChance);

const thenGoOn = <T>([state, effects]: Step<T>): Step<T> => [state, [...effects, GO_ON]];

const countFailedExport = <T>(state: Delivery<T>): Delivery<T> => ({
  ...state,
  totals: totalsAfterFailedExport(state.totals),
});

/** What is left of the last item of a batch. Nothing for an empty batch, which has no last item. */
function remainderOf<T>(
  batch: readonly T[],
  { remainder }: { readonly remainder?: T | undefined },
): readonly T[] {
  return batch.length === 0 || remainder === undefined ? [] : [remainder];
}
