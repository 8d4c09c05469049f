import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { from, lastValueFrom, type ObservableInput } from 'rxjs';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openSpool, type Spool } from '../../src/spool/spool-directory.js';
import { collectionOf, sandboxRuns } from '../support/collections.js';

/** Calls of the system that are still made; the next one is never made, as after a kill. */
let left = Number.POSITIVE_INFINITY;
/** How many were made. */
let made = 0;
/** Those that were begun and have not ended. */
let underWay = 0;
/** Called when one is not made. */
let killed = (): void => {};
/** Whether the last one that is made writes only half of its bytes. */
let isTorn = false;

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const never = (): Promise<never> => {
    killed();
    return new Promise(() => {});
  };
  const counted =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> => {
      if (left === 0) {
        return never();
      }
      left--;
      made++;
      underWay++;
      return call(...args).finally(() => {
        underWay--;
      });
    };
  const countedHandle = (handle: FileHandle) => ({
    writeFile: (bytes: Buffer) => {
      const isLast = left === 1 && isTorn;
      const write = counted((some: Buffer) => handle.writeFile(some));
      return isLast ? write(bytes.subarray(0, bytes.length / 2)).then(never) : write(bytes);
    },
    sync: counted(() => handle.sync()),
    close: counted(() => handle.close()),
  });
  return {
    ...real,
    open: counted(async (...args: Parameters<typeof real.open>) => countedHandle(await real.open(...args))),
    rename: counted(real.rename),
    rm: counted(real.rm),
  };
});

afterEach(() => {
  left = Number.POSITIVE_INFINITY;
  isTorn = false;
});

const once = <T>(input: ObservableInput<T>): Promise<T> => lastValueFrom(from(input));
const tick = (at: number) => collectionOf(sandboxRuns(2), at);

/** What a life of a spool does, step by step, and what is to be there after each. */
const STEPS: readonly {
  readonly act: (spool: Spool) => Promise<unknown>;
  readonly after: readonly number[];
}[] = [
  { act: (spool) => once(spool.write(1, [tick(1), tick(2), tick(3)])), after: [1, 2, 3] },
  { act: (spool) => once(spool.write(4, [tick(4), tick(5)])), after: [1, 2, 3, 4, 5] },
  { act: (spool) => once(spool.keep({ ...first, done: 2 })), after: [3, 4, 5] },
  { act: (spool) => once(spool.remove([{ ...first, done: 3 }])), after: [4, 5] },
];
const first = { first: 1, items: 3, done: 0, bytes: 1, writtenAtMillis: 0 };

async function everythingIn(directory: string): Promise<number[]> {
  left = Number.POSITIVE_INFINITY;
  // The process that was killed lives on here, and has the lock still.
  const copy = `${directory}-after`;
  cpSync(directory, copy, { recursive: true });
  const spool = openSpool({ directory: copy });
  const all: number[] = [];
  for (const segment of spool.segments) {
    all.push(...(await once(spool.read(segment))).map(({ collectedAtMillis }) => collectedAtMillis));
  }
  spool.close();
  return all;
}

/** Lives until so many calls were made, and then not any more. Returns the steps that were over. */
async function liveFor(directory: string, calls: number): Promise<number> {
  const spool = openSpool({ directory });
  const death = new Promise<void>((resolve) => {
    killed = resolve;
  });
  left = calls;
  let over = 0;
  const life = (async () => {
    for (const { act } of STEPS) {
      await act(spool);
      over++;
    }
  })();
  await Promise.race([life, death]);
  while (underWay > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  spool.close();
  return over;
}

describe('a crash of the program after any call of the system', () => {
  it.each([
    false,
    true,
  ])('leaves all that was complete, and nothing that was not (a torn write: %s)', async (torn) => {
    const parent = mkdtempSync(join(tmpdir(), 'msb-metrics-crashes-'));
    onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
    made = 0;
    expect(await liveFor(join(parent, 'whole'), Number.POSITIVE_INFINITY)).toBe(STEPS.length);
    const calls = made;
    expect(calls).toBeGreaterThan(15);
    const seen = new Set<number>();
    for (let call = 0; call <= calls; call++) {
      isTorn = torn;
      const directory = join(parent, String(call));
      const over = await liveFor(directory, call);
      seen.add(over);
      // What was under way is done as a whole, or not at all.
      const expected = [STEPS[over - 1]?.after ?? [], STEPS[over]?.after ?? []];
      expect(expected, `after ${call} calls`).toContainEqual(await everythingIn(directory));
    }
    expect([...seen]).toEqual([0, 1, 2, 3, 4]);
  });
});
