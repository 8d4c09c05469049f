import { map, type OperatorFunction, scan } from 'rxjs';
import { inTurn } from './in-turn.js';

/**
 * Runs a pure transition over a stream of inputs and emits the effects of each, an array for an input. An input that
 * comes while the effects of another one are being carried out waits until that is done.
 *
 * @param initial the state before the first input
 * @param transition makes the next state and the effects of an input
 */
export function runTransitions<State, Input, Effect>(
  initial: State,
  transition: (state: State, input: Input) => readonly [State, readonly Effect[]],
): OperatorFunction<Input, readonly Effect[]> {
  type Step = readonly [State, (readonly Effect[])?];
  return (inputs$) =>
    inputs$.pipe(
      inTurn(),
      scan(([state], input): Step => transition(state, input), [initial] as Step),
      // There are effects from the first input on.
      map(([, effects]) => effects as readonly Effect[]),
    );
}
