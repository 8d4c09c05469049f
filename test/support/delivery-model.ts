import { type Response, restOf, type Schedule, wholeOf } from './delivery-schedule.js';

/** An event as the model tells it: its time and, by name, what the event says. */
export type ModelEvent = readonly [at: number, type: string, ...details: unknown[]];

/** What the model says of a schedule; `undefined` if two things fall on the same instant, so that either may be first. */
export interface ModelTrace {
  readonly exports: readonly (readonly [at: number, batch: readonly number[]])[];
  readonly events: readonly ModelEvent[];
}

/** The sink in plain code: what it holds, what is out, and what is due when. No streams, no timers. */
export function model(schedule: Schedule): ModelTrace | undefined {
  const { flushInterval, maxBuffered, exportTimeout, batchSize, exportsEmptyBatches, items, flushes, end } =
    schedule;
  const exports: (readonly [number, readonly number[]])[] = [];
  const events: ModelEvent[] = [];
  let held: number[] = [];
  let collected = 0;
  let gone = 0;
  let through = 0;
  let failures = 0;
  let droppedBefore = 0;
  let lost: string | undefined;
  let rejectedInDrain = 0;
  let phase = 'idle' as 'idle' | 'exporting' | 'waiting' | 'done';
  let ended = false;
  let draining = false;
  let out: number[] = [];
  let response: Response | undefined;
  let answerAt = Infinity;
  let timeoutAt = Infinity;
  let retryAt = Infinity;
  let deadline = Infinity;
  let nextTick = flushInterval;
  /** The attempt that a full buffer makes in a wait. */
  let chance = 'unused' as 'unused' | 'running' | 'used';
  /** Until when the receiver asked to be left alone, if that is before the wait ends. */
  let askedUntil = Infinity;
  let isAskedForAll = false;

  const left = (): number => Math.max(0, Math.min(held.length, through - gone));
  const trim = (at: number): void => {
    const excess = Math.max(0, held.length - maxBuffered);
    held = held.slice(excess);
    gone += excess;
    droppedBefore += excess;
    if (excess > 0) {
      events.push([at, 'dropped', excess]);
    }
  };
  const finish = (at: number): void => {
    phase = 'done';
    events.push([at, 'drained', held.length, rejectedInDrain, lost]);
  };
  const drain = (at: number): void => {
    draining = true;
    deadline = at + exportTimeout;
    through = collected;
    if (left() === 0 && !(exportsEmptyBatches && failures > 0)) {
      finish(at);
    } else {
      send(at);
    }
  };
  const hasChance = (): boolean =>
    phase === 'waiting' && chance === 'unused' && askedUntil === Infinity && !isAskedForAll;
  const takeChance = (at: number, meanwhile = () => {}): void => {
    chance = 'running';
    through = collected;
    send(at, meanwhile);
  };
  const endOfWait = (at: number): void => {
    if (chance === 'running') {
      nextTick = at + flushInterval;
      retryAt = Infinity;
      chance = 'used';
    }
  };
  const flush = (at: number): void => {
    if (phase === 'waiting') {
      nextTick = at + flushInterval;
      retryAt = Infinity;
    }
    through = collected;
    if (left() === 0 && !exportsEmptyBatches) {
      events.push([at, 'flushed']);
      phase = 'idle';
    } else {
      send(at);
    }
  };
  const send = (at: number, meanwhile = () => {}): void => {
    phase = 'exporting';
    out = held.splice(0, Math.min(batchSize, left()));
    response = schedule.responses[exports.length];
    exports.push([at, out]);
    const silent = response?.kind === 'hangs';
    const immediate = response === undefined || response.kind === 'throws' || response.delay === 0;
    answerAt = silent ? Infinity : immediate ? at : at + (response?.delay ?? 0);
    timeoutAt = at + exportTimeout;
    meanwhile();
    if (immediate && !silent) {
      settle(at, response?.kind ?? 'delivered');
    }
  };
  const settle = (at: number, kind: Response['kind'] | 'timeout' | 'deadline'): void => {
    answerAt = Infinity;
    timeoutAt = Infinity;
    const batch = out;
    out = [];
    if (kind === 'delivered' || kind === 'remainder' || kind === 'empty' || kind === 'twice') {
      endOfWait(at);
      chance = 'unused';
      const rest = kind === 'remainder' && batch.length > 0;
      events.push([at, 'exported', batch.length - (rest ? 1 : 0), droppedBefore]);
      gone += batch.length - (rest ? 1 : 0);
      droppedBefore = 0;
      lost = undefined;
      if (failures > 0) {
        events.push([at, 'recovered', failures]);
      }
      failures = 0;
      if (rest) {
        held = [restOf(batch[batch.length - 1]), ...held];
        trim(at);
      }
    } else if (kind === 'rejected') {
      endOfWait(at);
      events.push([at, 'rejected', batch.length]);
      gone += batch.length;
      lost = kind;
      rejectedInDrain += draining ? batch.length : 0;
    } else {
      held = [...batch, ...held];
      const excess = Math.max(0, held.length - maxBuffered);
      if (kind === 'split') {
        endOfWait(at);
        events.push([at, 'split', batch.length]);
      } else {
        const isChance = chance === 'running';
        failures += isChance ? 0 : 1;
        lost = kind;
        const asked = Math.min(kind === 'failed' ? (response?.retryAfter ?? 0) : 0, flushInterval * 32);
        const backoff = isChance ? flushInterval : flushInterval * Math.min(2 ** (failures - 1), 32);
        const keepsWait = isChance && asked <= retryAt - at;
        const wait = keepsWait ? retryAt - at : Math.max(backoff, asked);
        if (!keepsWait) {
          retryAt = at + wait;
          askedUntil = asked > 0 && asked < wait ? at + asked : Infinity;
          isAskedForAll = asked > 0 && asked >= wait;
        }
        chance = isChance ? 'used' : chance;
        events.push([at, 'failed', failures, draining ? undefined : ended ? 0 : wait, held.length - excess]);
      }
      trim(at);
      if (kind !== 'split') {
        if (draining) {
          finish(at);
        } else if (ended) {
          drain(at);
        } else {
          phase = 'waiting';
          nextTick = Infinity;
        }
        return;
      }
    }
    if (draining) {
      if (left() > 0) {
        send(at);
      } else {
        finish(at);
      }
    } else if (ended) {
      drain(at);
    } else if (left() > 0) {
      send(at);
    } else {
      events.push([at, 'flushed']);
      phase = 'idle';
    }
  };

  let nextItem = 0;
  let nextFlush = 0;
  for (;;) {
    const running = phase !== 'done' && !ended;
    const due: readonly (readonly [number, () => void])[] = [
      [
        running ? (items[nextItem] ?? Infinity) : Infinity,
        () => {
          nextItem++;
          const hold = (): void => {
            collected++;
            held.push(collected);
            trim(at);
          };
          if (hasChance() && held.length === maxBuffered) {
            takeChance(at, hold);
            return;
          }
          hold();
          if (hasChance() && held.length === maxBuffered) {
            takeChance(at);
          }
        },
      ],
      [
        running ? (flushes[nextFlush] ?? Infinity) : Infinity,
        () => {
          nextFlush++;
          through = collected;
          if (phase !== 'exporting') {
            flush(at);
          }
        },
      ],
      [
        running ? nextTick : Infinity,
        () => {
          nextTick += flushInterval;
          if (phase === 'idle') {
            flush(at);
          }
        },
      ],
      [
        ended ? Infinity : end.at,
        () => {
          ended = true;
          if (end.kind === 'unsubscribed') {
            phase = 'done';
          } else if (phase !== 'exporting') {
            drain(at);
          }
        },
      ],
      [phase === 'waiting' ? retryAt : Infinity, () => flush(at)],
      [
        phase === 'exporting' && chance === 'running' && !draining ? retryAt : Infinity,
        () => {
          chance = 'used';
          nextTick = at + flushInterval;
          retryAt = Infinity;
        },
      ],
      [
        running ? askedUntil : Infinity,
        () => {
          askedUntil = Infinity;
        },
      ],
      [phase === 'exporting' ? answerAt : Infinity, () => settle(at, response?.kind ?? 'delivered')],
      [phase === 'exporting' && timeoutAt < deadline ? timeoutAt : Infinity, () => settle(at, 'timeout')],
      [phase === 'exporting' ? deadline : Infinity, () => settle(at, 'deadline')],
    ];
    const at = Math.min(...due.map(([time]) => time));
    if (at === Infinity) {
      return { exports, events };
    }
    const first = due.filter(([time]) => time === at);
    if (first.length > 1) {
      return undefined;
    }
    first[0][1]();
  }
}

/** Items are told apart by what they stand for: a rest is its whole. */
export const wholes = (batch: readonly number[]): number[] => batch.map(wholeOf);
