import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCollection,
  formatSnapshot,
  formatUptime,
} from '../../../src/sinks/stdout/line.js';
import { collectionOf, sandboxRun } from '../../support/collections.js';

describe('bytes for people', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [274_944, '268.5 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [1024 ** 2 - 51, '1.0 MiB'],
    [1024 ** 2 - 1024, '1023.0 KiB'],
    [536_870_912, '512.0 MiB'],
    [1024 ** 3, '1.0 GiB'],
    [1024 ** 4, '1.0 TiB'],
    [1024 ** 5, '1024.0 TiB'],
  ])('%i is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('uptimes for people', () => {
  it.each([
    [0, '0.0s'],
    [12.34, '12.3s'],
    [59.99, '59.9s'],
    [60, '1m0s'],
    [61.9, '1m1s'],
    [148_515, '2475m15s'],
  ])('%d s is %s', (seconds, text) => {
    expect(formatUptime(seconds)).toBe(text);
  });
});

describe('a line', () => {
  it('has a dash for each value that is unknown', () => {
    const [snapshot] = collectionOf([sandboxRun()], 1_790_000_060_999, () => Number.NaN);
    expect(formatSnapshot(snapshot)).toBe(
      '2026-09-21T14:14:20Z sandbox=devbox id=33 cpu=- mem=- / - disk_r=- disk_w=- net_rx=- net_tx=- uptime=1m0s',
    );
  });

  it('has each value in its place', () => {
    const [snapshot] = collectionOf([sandboxRun()], 1_790_000_060_000, (_, column) => column);
    expect(formatSnapshot(snapshot)).toBe(
      '2026-09-21T14:14:20Z sandbox=devbox id=33 cpu=1.000000 mem=3 B / 4 B disk_r=7 B disk_w=8 B net_rx=9 B net_tx=10 B uptime=1m0s',
    );
  });

  it('has a dash for a time that no calendar has', () => {
    expect(formatCollection(collectionOf([], 9e15))).toBe('- (no active sandboxes)\n');
  });

  it('is one for each snapshot, or one that says that there is none', () => {
    const runs = [sandboxRun({ name: 'a' }), sandboxRun({ name: 'b' })];
    expect(
      formatCollection(collectionOf(runs))
        .split('\n')
        .map((line) => line.split(' ')[1]),
    ).toEqual(['sandbox=a', 'sandbox=b', undefined]);
    expect(formatCollection(collectionOf([], 1_790_000_060_000))).toBe(
      '2026-09-21T14:14:20Z (no active sandboxes)\n',
    );
  });
});

describe('a name', () => {
  const shown = (name: string): string =>
    /sandbox=(.*) id=33 /u.exec(formatSnapshot(collectionOf([sandboxRun({ name })]).at(0)))?.[1] ?? '';

  it.each([
    ['devbox', 'devbox'],
    ['a-b.c_d', 'a-b.c_d'],
    ['b\u00fcro', 'b\u00fcro'],
    ['x id=99 cpu=9.0', '"x id=99 cpu=9.0"'],
    ['a=b', '"a=b"'],
    ['say "hi"', '"say \\"hi\\""'],
    ['x\\" id=1', '"x\\\\\\" id=1"'],
    ['back\\slash', 'back\\slash'],
    ['', '""'],
    ['two\u00a0words', '"two\u00a0words"'],
  ])('%j is shown so that it cannot be taken for more than one field: %s', (name, expected) => {
    expect(shown(name)).toBe(expected);
  });
});
