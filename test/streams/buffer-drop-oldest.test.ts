import { describe, expect, it } from 'vitest';
import { bufferDropOldest, type DropOldestBatch } from '../../src/streams/buffer-drop-oldest.js';
import { marbles } from '../support/marbles.js';

const batch = (items: string, dropped = 0): DropOldestBatch<string> => ({ items: [...items], dropped });

describe('bufferDropOldest', () => {
  it('emits what came since the last flush', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot(' -a-b--c---|');
      const flush = cold(' ----f---f-');
      const subs = '       ^---------!';
      const result = '     ----x---y-|';
      const actual = source.pipe(bufferDropOldest(3, flush));
      expectObservable(actual).toBe(result, { x: batch('ab'), y: batch('c') });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(flush.subscriptions).toBe(subs);
    });
  });

  it('drops the oldest when it is full, and counts them in the next batch', () => {
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot(' abcde--f--');
      const flush = cold(' ------f--f');
      const result = '     ------x--y';
      expectObservable(source.pipe(bufferDropOldest(2, flush))).toBe(result, {
        x: batch('de', 3),
        y: batch('f'),
      });
    });
  });

  it('emits an empty batch when nothing came', () => {
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot(' ------');
      const flush = cold(' --f---');
      expectObservable(source.pipe(bufferDropOldest(2, flush))).toBe('--x---', { x: batch('') });
    });
  });

  it('emits the rest on completion, if there is any', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a-b|').pipe(bufferDropOldest(2, cold('-')))).toBe('---(x|)', { x: batch('ab') });
      expectObservable(cold('---|').pipe(bufferDropOldest(2, cold('-')))).toBe('---|');
    });
  });

  it('passes on a failure of the source or of the flushes, and lets go of the other', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a--#');
      const flush = cold(' ----');
      expectObservable(source.pipe(bufferDropOldest(2, flush))).toBe('---#');
      expectSubscriptions(flush.subscriptions).toBe('^--!');
      const other = cold('a----');
      expectObservable(other.pipe(bufferDropOldest(2, cold('--#')))).toBe('--#');
      expectSubscriptions(other.subscriptions).toBe('^-!');
    });
  });

  it('goes on when the flushes complete, and emits at the end', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a-b-|').pipe(bufferDropOldest(2, cold('-f|')))).toBe('-x--(y|)', {
        x: batch('a'),
        y: batch('b'),
      });
    });
  });

  it('lets go of both when it is unsubscribed from', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot(' -a-b-c-');
      const flush = hot('  -------');
      const unsub = '      ---!';
      expectObservable(source.pipe(bufferDropOldest(2, flush)), unsub).toBe('----');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectSubscriptions(flush.subscriptions).toBe('^--!');
    });
  });

  it('holds nothing for one subscriber that belongs to another', () => {
    marbles(({ cold, expectObservable }) => {
      const buffered = cold('ab|').pipe(bufferDropOldest(5, cold('-')));
      expectObservable(buffered).toBe('--(x|)', { x: batch('ab') });
      expectObservable(buffered).toBe('--(x|)', { x: batch('ab') });
    });
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a capacity of %d', (max) => {
    marbles(({ cold }) => {
      expect(() => bufferDropOldest(max, cold('-'))).toThrowError(
        `maxBuffered: expected an integer of 1 or more, got ${max}`,
      );
    });
  });
});
