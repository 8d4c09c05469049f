import { expect, it } from 'vitest';
import { CATALOG_WELL, watchCatalog } from '../../src/cli/catalog-watch.js';
import type { CatalogStatus } from '../../src/index.js';
import { collectionOf, sandboxRun } from '../support/collections.js';

/** The records of ticks, each with its sandboxes and those of them with bad labels. */
function recordsOf(
  ...ticks: readonly (readonly [names: string, bad: string, message?: string])[]
): string[][] {
  let watch = CATALOG_WELL;
  return ticks.map(([names, bad, message = '']) => {
    const status: CatalogStatus = {
      state: message === '' ? 'read' : 'failed',
      message,
      isComplete: true,
      bad: [...bad].map((sandbox) => ({ sandbox, reason: 'why' })),
    };
    const runs = [...names].map((name) => sandboxRun({ name }));
    const [next, records] = watchCatalog(watch, collectionOf(runs).withRuns(runs, status));
    watch = next;
    return records.map(({ level, fields }) => `${level} ${fields?.sandboxes ?? ''}`.trim());
  });
}

it('each sandbox with bad labels is warned of once, and it is said once when it is well', () => {
  expect(recordsOf(['ab', ''], ['ab', 'a'], ['ab', 'a'], ['ab', 'ab'], ['ab', 'b'], ['ab', ''])).toEqual([
    [],
    ['warn a: why'],
    [],
    ['warn b: why'],
    ['info a'],
    ['info b'],
  ]);
});

it('a sandbox that comes and goes with bad labels is warned of once', () => {
  expect(recordsOf(['a', 'a'], ['', ''], ['a', 'a'], ['', ''], ['a', 'a'])).toEqual([
    ['warn a: why'],
    [],
    [],
    [],
    [],
  ]);
});

it('five are named, and the others counted', () => {
  expect(recordsOf(['abcdefgh', 'abcdefgh'])).toEqual([
    ['warn a: why, b: why, c: why, d: why, e: why and 3 more'],
  ]);
});

it('a catalog that cannot be read makes no sandbox well', () => {
  expect(recordsOf(['a', 'a'], ['a', '', 'gone'], ['a', '', 'gone'], ['a', 'a'], ['a', ''])).toEqual([
    ['warn a: why'],
    ['warn'],
    [],
    ['info'],
    ['info a'],
  ]);
});

it('a catalog that is busy for one tick is not worth a line', () => {
  let watch = CATALOG_WELL;
  const linesOf = (state: 'busy' | 'read') => {
    const status = { state, message: state === 'busy' ? 'locked' : '', isComplete: true, bad: [] };
    const [next, records] = watchCatalog(watch, collectionOf([]).withRuns([], status));
    watch = next;
    return records.map(({ level }) => level);
  };
  expect((['busy', 'read', 'busy', 'busy', 'busy', 'read', 'read'] as const).map(linesOf)).toEqual([
    [],
    [],
    [],
    ['warn'],
    [],
    ['info'],
    [],
  ]);
});
