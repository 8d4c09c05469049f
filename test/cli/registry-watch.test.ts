import { describe, expect, it } from 'vitest';
import {
  NOTHING_MISSING,
  type RegistryWatch,
  type WatchRecord,
  watchRegistries,
} from '../../src/cli/registry-watch.js';
import { Collection, type FoundHome, type RegistryStatus, type SkippedRows } from '../../src/index.js';

const NOTHING: SkippedRows = { processGone: 0, tooOld: 0, fromFuture: 0, torn: 0, tooMany: 0, unknown: 0 };

const registry = (overrides: Partial<RegistryStatus>): RegistryStatus => ({
  name: '/msb-met-0-v3',
  abi: 3,
  state: 'absent',
  message: '',
  capacity: 0,
  rows: 0,
  used: 0,
  skipped: NOTHING,
  ...overrides,
});

/** What is logged of readings: the time of each, in seconds, and what was found. */
function logged(
  readings: readonly (readonly [seconds: number, status: Partial<RegistryStatus>])[],
  { msbHome = '/home/op/.microsandbox', others = [] as readonly FoundHome[] } = {},
): (readonly [seconds: number, ...record: (string | undefined)[]])[] {
  let watch: RegistryWatch = NOTHING_MISSING;
  const records: [number, WatchRecord][] = [];
  for (const [seconds, status] of readings) {
    const collection = new Collection(seconds * 1_000, [], new Float64Array(), [registry(status)]);
    const [next, made] = watchRegistries(watch, collection, { msbHome, findRegistries: () => others });
    watch = next;
    records.push(...made.map((record): [number, WatchRecord] => [seconds, record]));
  }
  return records.map(([seconds, { level, message, fields }]) => [
    seconds,
    level,
    message,
    ...(fields === undefined ? [] : [JSON.stringify(fields)]),
  ]);
}

const every = (from: number, to: number, status: Partial<RegistryStatus>) =>
  Array.from({ length: to - from + 1 }, (_, index) => [from + index, status] as const);

describe('no registry', () => {
  it('is warned of after 10 s, once, and again only after there was one', () => {
    const lines = logged([...every(0, 30, {}), [31, { state: 'attached' }], ...every(32, 60, {})]);
    expect(lines.map(([seconds, level]) => [seconds, level])).toEqual([
      [10, 'warn'],
      [31, 'info'],
      [42, 'warn'],
    ]);
  });

  it('is not warned of where there is one of any state: those have messages of their own', () => {
    for (const state of ['attached', 'denied', 'refused', 'failed', 'unlinked'] as const) {
      expect(logged(every(0, 30, { state }))).toEqual([]);
    }
  });

  it('that stays half made is warned of, too', () => {
    const [[, , message]] = logged(every(0, 10, { state: 'initialising' }));
    expect(message).toContain('half made');
  });

  it('is warned of in time also when the clock is stepped back', () => {
    expect(logged([...every(100, 105, {}), ...every(0, 12, {})]).map(([seconds]) => seconds)).toEqual([10]);
  });

  it('names the MSB_HOME, the names looked for, and the registries of others with their owners', () => {
    const others = [{ hash: 'ab', registries: ['/msb-met-ab-v2', '/msb-met-ab-v3'], owner: 'uid 1001' }];
    const [[, , message, fields]] = logged(every(0, 10, {}), { others });
    expect(message).toContain('no registry for this MSB_HOME');
    expect(JSON.parse(fields ?? '')).toMatchObject({
      msb_home: '/home/op/.microsandbox',
      looked_for: '/msb-met-0-v3',
      others_on_this_host: '/msb-met-ab-v2, /msb-met-ab-v3 (of uid 1001)',
    });
  });

  it.each([
    ['~/.microsandbox', /the ~ was not expanded/u],
    ['/home/op/.microsandbox/', /the \/ at its end makes it another home/u],
    ['/home/op/.microsandbox', /exactly what msb has/u],
  ])('of %s has a hint', (msbHome, hint) => {
    const [[, , , fields]] = logged(every(0, 10, {}), { msbHome });
    expect(JSON.parse(fields ?? '').hint).toMatch(hint);
  });
});

describe('rows that are all left out', () => {
  const attached = (skipped: Partial<SkippedRows>, rows = 0): Partial<RegistryStatus> => ({
    state: 'attached',
    capacity: 8,
    rows,
    used: rows + Object.values(skipped).reduce((sum, count) => sum + count, 0),
    skipped: { ...NOTHING, ...skipped },
  });

  it('are warned of after 10 s, once, with the reasons and what to do about the first of them', () => {
    const lines = logged(every(0, 30, attached({ processGone: 2, tooOld: 3 })));
    expect(lines).toHaveLength(1);
    expect(lines[0].slice(0, 2)).toEqual([10, 'warn']);
    expect(JSON.parse(lines[0][3] ?? '')).toEqual({
      process_gone: 2,
      sample_too_old: 3,
      reason: expect.stringContaining('--max-sample-age'),
    });
  });

  it.each([
    'processGone',
    'tooOld',
    'fromFuture',
    'torn',
    'unknown',
  ] as const)('by %s have advice', (reason) => {
    const [[, , , fields]] = logged(every(0, 10, attached({ [reason]: 1 })));
    expect(JSON.parse(fields ?? '').reason.length).toBeGreaterThan(20);
  });

  it('are nothing to warn of beside one that is reported, nor where there is none in use', () => {
    expect(logged(every(0, 30, attached({ torn: 5 }, 1)))).toEqual([]);
    expect(logged(every(0, 30, attached({})))).toEqual([]);
  });

  it('are warned of also where none has a first sample, which is no reason to leave one out', () => {
    const lines = logged([...every(0, 20, { ...attached({}), used: 2 }), [21, attached({}, 2)]]);
    expect(lines.map(([seconds, level]) => [seconds, level])).toEqual([
      [10, 'warn'],
      [21, 'info'],
    ]);
    expect(lines[0][2]).toContain('none of them has a first sample');
    expect(JSON.parse(lines[0][3] ?? '')).toMatchObject({ sandboxes: 2 });
  });

  it('are told to be over also where none runs any more, and not as if one did', () => {
    const lines = logged([...every(0, 12, attached({ processGone: 1 })), [13, attached({})]]);
    expect(lines[1].slice(0, 3)).toEqual([13, 'info', 'no sandbox is left out any more, and none runs']);
  });

  it('are told to be over', () => {
    const lines = logged([...every(0, 12, attached({ torn: 1 })), [13, attached({}, 1)]]);
    expect(lines.map(([seconds, level]) => [seconds, level])).toEqual([
      [10, 'warn'],
      [13, 'info'],
    ]);
  });
});
