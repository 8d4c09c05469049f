import type { Sample } from '../test/simulator/registry.js';
import type { ArrivedPoint } from '../test/support/ledger.js';

/** The simulator wrote a sample of every sandbox. */
export interface WrittenMessage {
  readonly type: 'written';
  readonly samples: readonly { readonly name: string; readonly sample: Sample }[];
}

/** The receiver can be reached. */
export interface ListeningMessage {
  readonly type: 'listening';
  readonly port: number;
}

/** The receiver was sent a request. */
export interface ArrivedMessage {
  readonly type: 'arrived';
  readonly bytes: number;
  readonly points: readonly ArrivedPoint[];
}
