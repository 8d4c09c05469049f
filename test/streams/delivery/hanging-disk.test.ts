import { NEVER, of } from 'rxjs';
import { describe, it } from 'vitest';
import type { SpoolStore } from '../../../src/spool/spool-store.js';
import { deliver } from '../../../src/streams/deliver.js';
import { marbles } from '../../support/marbles.js';

describe('a disk that never answers', () => {
  it('holds up nothing: after five seconds what was to be written is held again, and delivered from memory', () => {
    marbles(({ hot, expectObservable }, scheduler) => {
      const store: SpoolStore<string> = {
        segments: [],
        maxBytes: 1_000,
        write: () => NEVER,
        read: () => NEVER,
        keep: () => NEVER,
        remove: () => NEVER,
        close: () => {},
      };
      let attempts = 0;
      const error = new Error('away');
      const delivered = deliver<string>(
        () => ({
          export: () => {
            attempts++;
            return of(
              attempts <= 2 ? { status: 'failed' as const, error } : { status: 'delivered' as const },
            );
          },
        }),
        { flushIntervalMillis: 1_000, scheduler, spool: store },
      );
      const failed = (failures: number, held: number, retryInMillis: number) => ({
        type: 'failed',
        error,
        failures,
        held,
        retryInMillis,
      });
      const hung = { type: 'spool-failed', error: new Error('the disk has not answered within 5 s') };
      const exported = (items: number) => ({ type: 'exported', items, droppedBefore: 0, partial: undefined });
      // The flush that was due meanwhile has waited for the disk, and sends all from memory.
      expectObservable(hot('a 2499ms b').pipe(delivered), '^ 11500ms !').toBe(
        '1s F 4999ms (SG) 4996ms (SERXX)',
        {
          F: failed(1, 1, 1_000),
          S: hung,
          G: failed(2, 2, 2_000),
          E: exported(2),
          R: { type: 'recovered', failures: 2 },
          X: { type: 'flushed' },
        },
      );
    });
  });
});
