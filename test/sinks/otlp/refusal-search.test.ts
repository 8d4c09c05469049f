import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Collection } from '../../../src/shm/collection.js';
import {
  collectionsTogether,
  learnFromAcceptance,
  learnFromRefusal,
  MAX_SEARCH_REFUSALS,
  NOTHING_REFUSED,
  planPart,
  type RefusalSearch,
} from '../../../src/sinks/otlp/refusal-search.js';
import { collectionOf as collectionOfRuns, sandboxRun } from '../../support/collections.js';
import { runs } from '../../support/runs.js';

/** A collection at a time, of sandboxes of these ids. */
const collectionOf = (ids: readonly number[], at: number): Collection =>
  collectionOfRuns(
    ids.map((sandboxId) => sandboxRun({ sandboxId })),
    at,
  );

const idsOf = (collections: readonly Collection[]): number[] =>
  collections.flatMap(({ runs }) => runs.map(({ sandboxId }) => sandboxId));

/** Sends a batch to a receiver that refuses every request in which there is a bad sandbox, until nothing is left. */
function exchange(
  batch: readonly Collection[],
  isBad: (sandboxId: number) => boolean,
  { search = NOTHING_REFUSED, rowsThatFit = Number.POSITIVE_INFINITY, refusesOwnMetrics = false } = {},
): { search: RefusalSearch; delivered: number[]; givenUp: number[]; requests: number; refusals: number } {
  let state: RefusalSearch = search;
  let held = [...batch];
  const delivered: number[] = [];
  const givenUp: number[] = [];
  let requests = 0;
  let refusals = 0;
  while (held.length > 0) {
    requests++;
    const size = collectionsTogether(state, held) ?? held.length;
    const sent = held.slice(0, size);
    const part = planPart(state, sent, () => rowsThatFit);
    const after = part.remainder === undefined ? [] : [part.remainder];
    if (!idsOf(part.collections).some(isBad) && !(refusesOwnMetrics && part.hasOwnMetrics)) {
      state = learnFromAcceptance(state, part);
      delivered.push(...idsOf(part.collections));
      held = [...after, ...held.slice(size)];
      continue;
    }
    refusals++;
    const [next, outcome] = learnFromRefusal(state, part);
    state = next;
    if (outcome === 'given up') {
      givenUp.push(...idsOf([...part.collections, ...after]));
      held = held.slice(size);
    } else if (outcome !== 'split') {
      givenUp.push(...idsOf([outcome.givenUp]));
      held = [outcome.remainder, ...held.slice(size)];
    }
  }
  return { search: state, delivered, givenUp, requests, refusals };
}

describe('the search for what a receiver refuses', () => {
  it('finds exactly the bad sandboxes, within a logarithm of requests for each', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.uniqueArray(fc.nat(199), { maxLength: 3 }),
        fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 20, max: 200 })),
        (size, bad, rowsThatFit) => {
          const ids = Array.from({ length: size }, (_, index) => index);
          const isBad = (id: number) => bad.includes(id);
          const batch = [collectionOf(ids, 1), collectionOf([], 2), collectionOf([1_000, 1_001], 3)];
          const { delivered, givenUp, requests } = exchange(batch, isBad, { rowsThatFit });
          expect(givenUp).toEqual(ids.filter(isBad));
          expect(delivered).toEqual([...ids.filter((id) => !isBad(id)), 1_000, 1_001]);
          const parts = Math.ceil(size / Math.min(rowsThatFit, size));
          expect(requests).toBeLessThanOrEqual(8 + parts + bad.length * 2 * (Math.log2(size) + 4));
        },
      ),
      runs(1_000),
    );
  });

  it('sends without the own metrics what was refused together, and with them again afterwards', () => {
    const batch = [collectionOf([1, 2], 1), collectionOf([3], 2)];
    const part = planPart(NOTHING_REFUSED, batch, () => 10);
    expect(part).toEqual({ collections: batch, remainder: undefined, hasOwnMetrics: true });
    const [search, outcome] = learnFromRefusal(NOTHING_REFUSED, part);
    expect([search.toSendAlone, outcome]).toEqual([2, 'split']);
    expect(collectionsTogether(search, batch)).toBe(1);
    const alone = planPart(search, batch.slice(0, 1), () => 10);
    expect(alone.hasOwnMetrics).toBe(false);
    const after = learnFromAcceptance(learnFromAcceptance(search, alone), alone);
    expect(planPart(after, batch, () => 10).hasOwnMetrics).toBe(true);
  });

  it('gives up nothing where only the own metrics are refused', () => {
    const batch = [collectionOf([1, 2], 1), collectionOf([], 2), collectionOf([3], 3)];
    const { delivered, givenUp } = exchange(batch, () => false, { refusesOwnMetrics: true });
    expect([delivered, givenUp]).toEqual([[1, 2, 3], []]);
  });

  it('sends collections without rows together, up to the first with some', () => {
    const search = { ...NOTHING_REFUSED, toSendAlone: 3 };
    const [empty, one] = [collectionOf([], 1), collectionOf([1], 2)];
    expect(collectionsTogether(NOTHING_REFUSED, [one])).toBeUndefined();
    expect(collectionsTogether(search, [empty, empty, one, one])).toBe(2);
    expect(collectionsTogether(search, [one, empty])).toBe(1);
    expect(collectionsTogether(search, [empty, empty, empty, empty])).toBe(3);
    expect(collectionsTogether(search, [empty, empty])).toBe(2);
  });

  it('gives up a collection of which too many rows are bad, after 48 refusals', () => {
    const ids = Array.from({ length: 400 }, (_, index) => index);
    const { givenUp, delivered, refusals } = exchange([collectionOf(ids, 1)], (id) => id % 2 === 1);
    expect(refusals).toBe(MAX_SEARCH_REFUSALS + 2);
    expect(delivered.length).toBeGreaterThan(0);
    expect(delivered.length + givenUp.length).toBe(400);
  });

  it('spends half as much on each further collection where all is refused, down to one request, until data is accepted', () => {
    const collection = (at: number) => collectionOf([1, 2, 3, 4, 5, 6, 7, 8], at);
    let search: RefusalSearch = NOTHING_REFUSED;
    const limits: number[] = [];
    for (let at = 1; at <= 8; at++) {
      search = exchange([collection(at)], () => true, { search }).search;
      limits.push(search.maxRefusals);
    }
    expect(limits).toEqual([24, 12, 6, 3, 1, 0, 0, 0]);
    expect(exchange([collection(9)], () => true, { search }).requests).toBe(2);
    const { search: after } = exchange([collection(10)], () => false, { search });
    expect(after.maxRefusals).toBe(MAX_SEARCH_REFUSALS);
  });

  it('learns nothing about the receiver from fewer than four rows, all bad', () => {
    const { search } = exchange([collectionOf([1, 2, 3], 1)], () => true);
    expect(search.maxRefusals).toBe(MAX_SEARCH_REFUSALS);
  });

  it('forgets a search when another collection comes', () => {
    const first = planPart({ ...NOTHING_REFUSED, toSendAlone: 2 }, [collectionOf([1, 2, 3, 4], 1)], () => 9);
    const [search] = learnFromRefusal({ ...NOTHING_REFUSED, toSendAlone: 2 }, first);
    expect(planPart(search, [collectionOf([1, 2, 3, 4], 1)], () => 9).collections[0].size).toBe(2);
    expect(planPart(search, [collectionOf([1, 2, 3, 4], 2)], () => 9).collections[0].size).toBe(4);
  });
});
