import { firstValueFrom, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { newestCollection } from '../../src/index.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

describe('collections that are made when asked for', () => {
  it('are one reading for all who ask within a collect interval, and a new one after it', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const scheduler = new VirtualTimeScheduler();
    scheduler.now = () => Date.now() + scheduler.frame;
    const { newest$, close } = newestCollection({ msbHome, collectIntervalMillis: 1_000, scheduler });
    const first = await Promise.all(Array.from({ length: 10 }, () => firstValueFrom(newest$)));
    expect(new Set(first).size).toBe(1);
    expect(first[0].size).toBe(1);
    scheduler.maxFrames = 999;
    scheduler.flush();
    expect(await firstValueFrom(newest$)).toBe(first[0]);
    scheduler.maxFrames = 1_000;
    scheduler.flush();
    const second = await firstValueFrom(newest$);
    expect(second).not.toBe(first[0]);
    // The registry stayed open, so the run is the same object.
    expect(second.runs[0]).toBe(first[0].runs[0]);
    close();
  });

  it('complete after one', async () => {
    const { newest$, close } = newestCollection({ msbHome: testHome() });
    const seen: string[] = [];
    newest$.subscribe({ next: ({ size }) => seen.push(String(size)), complete: () => seen.push('complete') });
    expect(seen).toEqual(['0', 'complete']);
    close();
  });
});
