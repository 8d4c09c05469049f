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
    const startMillis = Date.now();
    let later = 0;
    scheduler.now = () => startMillis + later;
    const { newest$, close } = newestCollection({ msbHome, collectIntervalMillis: 1_000, scheduler });
    const first = await Promise.all(Array.from({ length: 10 }, () => firstValueFrom(newest$)));
    expect(new Set(first).size).toBe(1);
    expect(first[0].size).toBe(1);
    later = 999;
    expect(await firstValueFrom(newest$)).toBe(first[0]);
    later = 1_000;
    const second = await firstValueFrom(newest$);
    expect(second).not.toBe(first[0]);
    // The registry stayed open, so the run is the same object.
    expect(second.runs[0]).toBe(first[0].runs[0]);
    // A clock that is stepped back makes no reading last longer.
    later = -3_600_000;
    expect(await firstValueFrom(newest$)).not.toBe(second);
    close();
  });

  it('leave no timer behind, and are read anew after close', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const { newest$, close } = newestCollection({ msbHome: testHome(), collectIntervalMillis: 3_600_000 });
    const first = await firstValueFrom(newest$);
    expect(timers()).toBe(before);
    close();
    expect(await firstValueFrom(newest$)).not.toBe(first);
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
