import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { runTransitions } from '../../../src/streams/delivery/run-transitions.js';

const sum = (state: number, input: number): readonly [number, readonly string[]] => [
  state + input,
  [`was ${state}`, `is ${state + input}`],
];

describe('runTransitions', () => {
  it('emits the effects of each input, from the state that the inputs before have made', () => {
    const inputs = new Subject<number>();
    const effects: (readonly string[])[] = [];
    inputs.pipe(runTransitions(10, sum)).subscribe((each) => effects.push(each));
    inputs.next(1);
    inputs.next(5);
    expect(effects).toEqual([
      ['was 10', 'is 11'],
      ['was 11', 'is 16'],
    ]);
  });

  it('handles an input that an effect causes after the effects of its cause', () => {
    const inputs = new Subject<number>();
    const log: string[] = [];
    inputs.pipe(runTransitions(0, sum)).subscribe((effects) => {
      log.push(effects[0]);
      if (effects[0] === 'was 0') {
        inputs.next(2);
      }
      log.push(effects[1]);
    });
    inputs.next(1);
    expect(log).toEqual(['was 0', 'is 1', 'was 1', 'is 3']);
  });

  it('begins each subscription with the initial state', () => {
    const inputs = new Subject<number>();
    const run = inputs.pipe(runTransitions(0, sum));
    const seen: string[] = [];
    run.subscribe(() => {});
    inputs.next(1);
    run.subscribe(([was]) => seen.push(was));
    inputs.next(1);
    expect(seen).toEqual(['was 0']);
  });
});
