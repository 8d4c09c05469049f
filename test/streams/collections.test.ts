import { readdirSync, readlinkSync } from 'node:fs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { readRegistry } from '../../src/shm/read-collection.js';
import { type CollectionsOptions, collections } from '../../src/streams/collections.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

/** How many registries this process has open. */
function openRegistries(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('msb-met-');
    } catch {
      return false;
    }
  }).length;
}

describe('collections', () => {
  it('reads at once and then at every interval, with the times of its scheduler', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: 1 });
    const scheduler = new TestScheduler(() => {});
    const seen: [number, number][] = [];
    scheduler.run(({ flush }) => {
      const subscription = collections({
        msbHome,
        collectIntervalMillis: 250,
        maxSampleAgeMillis: 0,
        scheduler,
      }).subscribe(({ collectedAtMillis, size }) => seen.push([collectedAtMillis, size]));
      scheduler.schedule(() => subscription.unsubscribe(), 800);
      flush();
    });
    expect(seen).toEqual([
      [0, 1],
      [250, 1],
      [500, 1],
      [750, 1],
    ]);
  });

  it('is cold: opens registries when subscribed to, and closes them when unsubscribed from', async () => {
    const msbHome = testHome();
    testRegistry({ msbHome });
    const before = openRegistries();
    const source = collections({ msbHome, collectIntervalMillis: 10 });
    expect(openRegistries()).toBe(before);
    await new Promise<void>((resolve) => {
      const subscription = source.subscribe(() => {
        expect(openRegistries()).toBe(before + 1);
        setTimeout(() => {
          subscription.unsubscribe();
          resolve();
        });
      });
    });
    expect(openRegistries()).toBe(before);
  });

  it.each<[CollectionsOptions, string]>([
    [{ msbHome: '' }, "msbHome: expected a text that is not empty, got ''"],
    [
      { msbHome: '/x', collectIntervalMillis: 0 },
      'collectIntervalMillis: expected 1 to 2147483647 milliseconds, got 0',
    ],
    [{ msbHome: '/x', maxSampleAgeMillis: -1 }, 'maxSampleAgeMillis: expected a number of 0 or more, got -1'],
    [
      { msbHome: '/x', maxSampleAgeMillis: '5' as never },
      "maxSampleAgeMillis: expected a number of 0 or more, got '5'",
    ],
    [{ msbHome: 5 as never }, 'msbHome: expected a text that is not empty, got 5'],
  ])('refuses %o', (options, message) => {
    expect(() => collections(options)).toThrowError(message);
    if (!('collectIntervalMillis' in options)) {
      expect(() => readRegistry(options.msbHome, 3, options)).toThrowError(message);
    }
  });
});

describe('the labels option', () => {
  it.each<[unknown, string]>([
    [null, 'labels: expected true, false or { excludeKeys }, got null'],
    ['no', "labels: expected true, false or { excludeKeys }, got 'no'"],
    [{ excludeKey: ['a'] }, "labels: expected { excludeKeys }, got 'excludeKey' in it"],
    [{ excludeKeys: 'abc' }, "labels.excludeKeys: expected an array of texts, got 'abc'"],
    [{ excludeKeys: [1] }, 'labels.excludeKeys: expected a text for 0, got a value of the type number'],
  ])('refuses %j, when called', (labels, message) => {
    expect(() => collections({ msbHome: '/x', labels } as CollectionsOptions)).toThrowError(
      new RangeError(message),
    );
  });
});
