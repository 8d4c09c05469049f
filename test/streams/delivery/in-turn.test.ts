import { from, Observable, queueScheduler, Subject, take, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { inTurn } from '../../../src/streams/delivery/in-turn.js';
import { marbles } from '../../support/marbles.js';

describe('inTurn', () => {
  it('passes on values, completion and errors', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a-(bc)-|');
      expectObservable(source.pipe(inTurn())).toBe('a-(bc)-|');
      expectSubscriptions(source.subscriptions).toBe('^------!');
      expectObservable(cold('a--#').pipe(inTurn())).toBe('a--#');
      expectObservable(cold('----').pipe(inTurn())).toBe('----');
    });
  });

  it('emits a value that comes while another is emitted after that one, in the order of coming', () => {
    const source = new Subject<number>();
    const log: string[] = [];
    source.pipe(inTurn()).subscribe((value) => {
      log.push(`${value} begins`);
      if (value < 3) {
        source.next(value * 2 + 1);
        source.next(value * 2 + 2);
      }
      log.push(`${value} ends`);
    });
    source.next(0);
    expect(log).toEqual([0, 1, 2, 3, 4, 5, 6].flatMap((value) => [`${value} begins`, `${value} ends`]));
  });

  it('keeps the queues of its subscribers apart, and does not wait for the queue of the whole program', () => {
    const source = new Subject<number>();
    const log: string[] = [];
    const queued = source.pipe(inTurn());
    queued.subscribe((value) => log.push(`first ${value}`));
    queued.subscribe((value) => log.push(`second ${value}`));
    queueScheduler.schedule(() => {
      source.next(1);
      log.push('still in the action');
    });
    expect(log).toEqual(['first 1', 'second 1', 'still in the action']);
  });

  it('lets go of its source at once, also of one that emits without end while it is subscribed to', () => {
    let pulled = 0;
    const endless = function* () {
      for (;;) {
        yield pulled++;
      }
    };
    from(endless()).pipe(inTurn(), take(2)).subscribe();
    expect(pulled).toBeLessThan(4);
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('a-b-c-');
      expectObservable(source.pipe(inTurn()), '---!').toBe('a-b-');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });

  it('emits nothing of what waits once it is unsubscribed from', () => {
    const source = new Subject<number>();
    const seen: number[] = [];
    const subscription = source.pipe(inTurn()).subscribe((value) => {
      seen.push(value);
      source.next(value + 1);
      subscription.unsubscribe();
    });
    source.next(0);
    expect(seen).toEqual([0]);
  });

  it('subscribes once', () => {
    let subscriptions = 0;
    const source = new Observable<never>((subscriber) => {
      subscriptions++;
      return throwError(() => 'x').subscribe(subscriber);
    });
    source.pipe(inTurn()).subscribe({ error: () => {} });
    expect(subscriptions).toBe(1);
  });
});
