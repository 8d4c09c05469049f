import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { from, lastValueFrom, type ObservableInput } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SegmentError } from '../../src/spool/segment-error.js';
import { openSpool, SpoolError } from '../../src/spool/spool-directory.js';
import { collectionOf, sandboxRuns } from '../support/collections.js';

const once = <T>(input: ObservableInput<T>): Promise<T> => lastValueFrom(from(input));

function testDirectory(): string {
  const parent = mkdtempSync(join(tmpdir(), 'msb-metrics-spool-'));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, 'spool');
}

function opened(directory = testDirectory(), maxBytes?: number) {
  const spool = openSpool({ directory, maxBytes });
  onTestFinished(() => spool.close());
  return { spool, directory };
}

const tick = (at: number) => collectionOf(sandboxRuns(2), at);
const segmentsIn = (directory: string) => readdirSync(directory);

describe('a spool', () => {
  it('keeps what is written, for the next process, in files that only this user can read', async () => {
    const { spool, directory } = opened();
    const first = await once(spool.write(1, [tick(1), tick(2), tick(3)]));
    await once(spool.write(4, [tick(4)]));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of segmentsIn(directory)) {
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
    await once(spool.keep({ ...first, done: 2 }));
    expect(spool.stats).toMatchObject({ items: 2, oldestAtMillis: expect.any(Number) });
    spool.close();
    const { spool: next } = opened(directory);
    expect(next.segments.map(({ first: from, items, done }) => [from, items, done])).toEqual([
      [1, 3, 2],
      [4, 1, 0],
    ]);
    const left = await once(next.read(next.segments[0]));
    expect(left.map(({ collectedAtMillis }) => collectedAtMillis)).toEqual([3]);
    await once(next.remove([next.segments[0]]));
    expect(segmentsIn(directory)).toEqual(['0000000000000004-1-0.segment']);
  });

  it('removes what was left half-written', () => {
    const directory = testDirectory();
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, '0000000000000001-3-0.segment.new'), 'half');
    const { spool } = opened(directory);
    expect(spool.segments).toEqual([]);
    expect(segmentsIn(directory)).toEqual([]);
  });

  it('leaves what is not its own', () => {
    const directory = testDirectory();
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, 'report.new'), 'precious');
    mkdirSync(join(directory, '0000000000000001-3-0.segment'));
    writeFileSync(join(directory, '0000000000000002-3-7.segment'), '');
    expect(opened(directory).spool.segments).toEqual([]);
    expect(segmentsIn(directory)).toContain('report.new');
  });

  it('is for one sink', () => {
    const { spool } = opened();
    spool.claim?.();
    expect(() => spool.claim?.()).toThrow(SpoolError);
  });

  it('has no more items than its name says, or it is put aside', async () => {
    const { spool, directory } = opened();
    const segment = await once(spool.write(1, [tick(1), tick(2)]));
    renameSync(
      join(directory, '0000000000000001-2-0.segment'),
      join(directory, '0000000000000001-3-0.segment'),
    );
    spool.close();
    const { spool: next } = opened(directory);
    await expect(once(next.read({ ...segment, items: 3 }))).rejects.toThrow(
      'has 2 collections, and its name says 3',
    );
  });

  it('puts a damaged segment aside, and reads the others', async () => {
    const { spool, directory } = opened();
    const damaged = await once(spool.write(1, [tick(1)]));
    const good = await once(spool.write(2, [tick(2)]));
    const file = join(directory, '0000000000000001-1-0.segment');
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(file, bytes);
    await expect(once(spool.read(damaged))).rejects.toThrow(/has a wrong checksum.*put aside as .*\.bad/u);
    await expect(once(spool.read(damaged))).rejects.toThrow(SegmentError);
    expect(await once(spool.read(good))).toHaveLength(1);
    expect(segmentsIn(directory)).toContain('0000000000000001-1-0.segment.bad');
  });

  it('takes no more room for what was put aside than there is, the newest of it last', async () => {
    const { spool, directory } = opened();
    await once(spool.write(4, [tick(4)]));
    spool.close();
    const name = (first: number): string => `000000000000000${first}-1-0.segment`;
    writeFileSync(join(directory, name(4)), Buffer.alloc(400));
    for (const first of [1, 2, 3]) {
      writeFileSync(join(directory, `${name(first)}.bad`), Buffer.alloc(400));
    }
    const { spool: next } = opened(directory, 1_300);
    await expect(once(next.read(next.segments[0]))).rejects.toThrow(/put aside/u);
    expect(segmentsIn(directory)).toHaveLength(4);
    const { bytes } = await once(next.write(5, [tick(5)]));
    expect(bytes).toBeGreaterThan(100);
    expect(bytes).toBeLessThan(500);
    expect(segmentsIn(directory).sort()).toEqual([`${name(3)}.bad`, `${name(4)}.bad`, name(5)]);
    await once(next.write(6, [collectionOf(sandboxRuns(100), 6)]));
    expect(segmentsIn(directory).sort()).toEqual([name(5), name(6)]);
  });

  it('says what is wrong where it cannot be written, and leaves nothing half-done', async () => {
    const { spool, directory } = opened();
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
    await expect(once(spool.write(1, [tick(1)]))).rejects.toThrow('is no directory');
    rmSync(directory);
    expect(await once(spool.write(1, [tick(1)]))).toMatchObject({ first: 1, items: 1 });
    expect(() => openSpool({ directory })).toThrow('is in use');
  });

  it("is one process's alone", () => {
    const { directory } = opened();
    expect(() => openSpool({ directory })).toThrow(`${directory} is in use by another msb-metrics`);
  });

  it('is no directory that others may write to, no link, no file, and not where there is no parent', () => {
    const directory = testDirectory();
    mkdirSync(directory);
    chmodSync(directory, 0o770);
    expect(() => openSpool({ directory })).toThrow(`${directory} may be written by others`);
    chmodSync(join(directory, '..'), 0o777);
    chmodSync(directory, 0o700);
    expect(() => openSpool({ directory })).toThrow('in which everybody may put another in its place');
    chmodSync(join(directory, '..'), 0o700);
    const link = `${directory}-link`;
    chmodSync(directory, 0o700);
    symlinkSync(directory, link);
    expect(() => openSpool({ directory: link })).toThrow('is no directory');
    expect(() => openSpool({ directory: `${link}/` })).toThrow('is no directory');
    const file = `${directory}-file`;
    writeFileSync(file, '');
    expect(() => openSpool({ directory: file })).toThrow(SpoolError);
    expect(() => openSpool({ directory: join(directory, 'a/b') })).toThrow(/cannot use .* \(ENOENT\)/u);
  });
});
