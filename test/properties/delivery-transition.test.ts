import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeliveryEffect } from '../../src/streams/delivery/effect.js';
import type { DeliveryInput } from '../../src/streams/delivery/input.js';
import { type Delivery, initialDelivery } from '../../src/streams/delivery/state.js';
import { type DeliverySettings, transition } from '../../src/streams/delivery/transition.js';
import type { ExportResult } from '../../src/streams/exporter.js';
import { ARE_RUNS_FEWER, runs } from '../support/runs.js';

/** What the world does next. What cannot happen now, such as an answer while nothing is out, does not happen. */
type Move =
  | { readonly kind: 'item' | 'flush-due' | 'flush-requested' | 'asked-wait-over' | 'shut-down' }
  | {
      readonly kind: 'answer';
      readonly status: ExportResult<number>['status'];
      readonly hasRemainder: boolean;
      readonly retryAfterMillis: number;
    }
  | { readonly kind: 'end'; readonly isFailure: boolean }
  | { readonly kind: 'deadline' };

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('item' as const) }) },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom('flush-due', 'flush-requested', 'asked-wait-over', 'shut-down'),
      }),
    },
    {
      weight: 14,
      arbitrary: fc.record({
        kind: fc.constant('answer' as const),
        status: fc.constantFrom('delivered', 'delivered', 'rejected', 'split', 'failed', 'failed'),
        hasRemainder: fc.boolean(),
        retryAfterMillis: fc.constantFrom(0, 0, 50, 5_000, Number.NaN),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), isFailure: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('deadline' as const) }) },
  ),
  { minLength: 5, maxLength: 80, size: 'max' },
);

const settingsArbitrary: fc.Arbitrary<DeliverySettings<number>> = fc
  .record({
    maxBuffered: fc.integer({ min: 1, max: 6 }),
    exportsEmptyBatches: fc.boolean(),
    size: fc.constantFrom(undefined, 0, 1, 2, 3, 99, Number.NaN, new Error('batchSize')),
  })
  .map(({ maxBuffered, exportsEmptyBatches, size }) => ({
    flushIntervalMillis: 100,
    maxBuffered,
    exportsEmptyBatches,
    batchSize: size === undefined ? undefined : () => size,
  }));

const REST = 0.5;

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value) && !(value instanceof Error)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

/** Plays moves against the transition, and hands what came of each to `check`. */
function play(
  settings: DeliverySettings<number>,
  script: readonly Move[],
  check: (
    before: Delivery<number>,
    input: DeliveryInput<number>,
    after: Delivery<number>,
    effects: readonly DeliveryEffect<number>[],
  ) => void,
): Delivery<number> {
  let state = deepFreeze(initialDelivery<number>());
  let items = 0;
  let nowMillis = 1_000;
  let isDraining = false;
  const queue: DeliveryInput<number>[] = [];
  const step = (input: DeliveryInput<number>): void => {
    queue.push(input);
    for (let each = queue.shift(); each !== undefined; each = queue.shift()) {
      nowMillis += 7;
      const before = state;
      const [after, effects] = transition(before, each, nowMillis, settings);
      check(before, each, after, effects);
      state = deepFreeze(after);
      isDraining ||= effects.some(({ type }) => type === 'begin-drain');
      queue.push(...effects.filter(({ type }) => type === 'go-on').map(() => ({ type: 'go-on' }) as const));
    }
  };
  for (const move of script) {
    switch (move.kind) {
      case 'item':
        if (state.ended === undefined) {
          step({ type: 'collected', item: ++items });
        }
        break;
      case 'answer': {
        const { status, hasRemainder, retryAfterMillis } = move;
        const last = state.inFlight.at(-1);
        const remainder = hasRemainder && last !== undefined ? { remainder: Math.floor(last) + REST } : {};
        const error = new Error(status);
        step({
          type: 'answered',
          result:
            status === 'delivered'
              ? { status, ...remainder }
              : status === 'rejected'
                ? { status, error, ...remainder }
                : { status, error, retryAfterMillis },
        });
        break;
      }
      case 'end':
        step({
          type: 'source-ended',
          end: move.isFailure ? { kind: 'E', error: new Error('source') } : { kind: 'C' },
        });
        break;
      case 'deadline':
        if (isDraining) {
          step({ type: 'deadline', error: new Error('deadline') });
        }
        break;
      default:
        step({ type: move.kind });
    }
  }
  return state;
}

describe('the transition, whatever happens in whatever order', () => {
  it('keeps its invariants after every step', () => {
    const reached = { drops: 0, lastChances: 0, ends: 0, retries: 0 };
    fc.assert(
      fc.property(settingsArbitrary, moves, (settings, script) => {
        let exporting = false;
        let hasEnded = false;
        let acknowledged = 0;
        play(settings, script, (before, input, after, effects) => {
          const { collected, delivered, rejected, dropped } = after.totals;
          expect(delivered + rejected + dropped + after.inFlight.length + after.held.size).toBe(collected);
          expect(after.held.size).toBeLessThanOrEqual(settings.maxBuffered);
          // Items in the order of collection, those in flight before those that are held.
          const [out, held] = [after.inFlight, [...after.held]].map((each) => each.map(Math.floor));
          expect(out).toEqual(out.map((_, index) => out[0] + index));
          expect(held).toEqual(held.map((_, index) => held[0] + index));
          expect([acknowledged, ...out, ...held]).toEqual(
            [acknowledged, ...out, ...held].sort((a, b) => a - b),
          );
          if (input.type === 'answered' && input.result.status === 'delivered') {
            acknowledged = Math.max(acknowledged, ...before.inFlight.map((item) => Math.ceil(item) - 1));
          }
          exporting = exporting && input.type !== 'answered' && input.type !== 'deadline';
          for (const effect of effects) {
            expect(hasEnded, `${effect.type} after the end`).toBe(false);
            if (effect.type === 'export') {
              expect(exporting).toBe(false);
              expect(effect.batch).toEqual(after.inFlight);
              exporting = true;
            }
            hasEnded ||= effect.type === 'end';
          }
          expect(after.phase === 'done').toBe(hasEnded);
          const [event] = effects.flatMap((effect) => (effect.type === 'emit' ? [effect.event] : []));
          reached.drops += event?.type === 'dropped' ? 1 : 0;
          reached.lastChances += before.lastChance !== 'running' && after.lastChance === 'running' ? 1 : 0;
          reached.retries += event?.type === 'recovered' ? 1 : 0;
          reached.ends += effects.some(({ type }) => type === 'end') ? 1 : 0;
        });
      }),
      runs(1_000),
    );
    if (!ARE_RUNS_FEWER) {
      expect(reached.drops).toBeGreaterThan(100);
      expect(reached.lastChances).toBeGreaterThan(100);
      expect(reached.ends).toBeGreaterThan(100);
    }
  });

  it('is pure: the same state and input give the same again, and neither is changed', () => {
    fc.assert(
      fc.property(settingsArbitrary, moves, (settings, script) => {
        play(settings, script, (before, input, after, effects) => {
          // Every state is frozen: a change would have thrown.
          expect(transition(before, input, 1_000, settings)).toEqual(
            transition(before, input, 1_000, settings),
          );
          expect([after.held.size, effects.length].every(Number.isInteger)).toBe(true);
        });
      }),
      runs(100),
    );
  });

  it('makes no rule of the clock: another time changes only what events and totals say of time', () => {
    const timeless = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (key, each) =>
          ['lastSuccessAtMillis', 'waitEndsAtMillis', 'retryInMillis'].includes(key) ? 0 : each,
        ),
      );
    fc.assert(
      fc.property(settingsArbitrary, moves, fc.integer({ min: 0, max: 2 ** 42 }), (settings, script, at) => {
        play(settings, script, (before, input, after, effects) => {
          const isAnswerToLastChance = before.lastChance === 'running' && input.type === 'answered';
          fc.pre(!isAnswerToLastChance);
          expect(timeless(transition(before, input, at, settings))).toEqual(timeless([after, effects]));
        });
      }),
      runs(100),
    );
  });
});
