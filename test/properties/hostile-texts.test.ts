import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberFree } from '../../src/cli/number-free.js';
import { printable } from '../../src/index.js';
import { words } from '../../src/sinks/otlp/transport/answer.js';
import { grpcAnswer } from '../../src/sinks/otlp/transport/grpc-answer.js';
import { httpAnswer, parseRetryAfter } from '../../src/sinks/otlp/transport/http-answer.js';
import { redactor } from '../../src/sinks/otlp/transport/redactor.js';
import { remedyFor } from '../../src/sinks/otlp/transport/remedies.js';
import { runs } from '../support/runs.js';

const redact = redactor(
  { authorization: 'Bearer abcabcabcabcabd', key: 'aaaaaaaaab' },
  new URL('http://host/'),
);

/** Everything that looks at a text from outside. */
const LOOKED_AT: Readonly<Record<string, (text: string) => unknown>> = {
  'a gRPC message': (details) => [2, 3, 8, 11, 14].map((code) => grpcAnswer({ code, details })),
  'an HTTP body': (text) =>
    ['text/plain', 'text/html', 'application/json', 'application/x-protobuf'].map((type) =>
      httpAnswer({ status: 503, headers: { 'content-type': type }, body: Buffer.from(text) }, 0),
    ),
  'a Retry-After': (text) => parseRetryAfter(text, 0),
  'a message for the log': (text) => [words(text, redact), remedyFor(text, 'grpc'), remedyFor(text, 'http')],
  'a cause to compare': numberFree,
  'a text to redact': redact,
  'a name to print': printable,
};

/** Texts that make a bad expression go back and forth: one piece over and over, and something else at the end. */
const repetitive = fc.record({
  before: fc.constantFrom('', 'message ', '2026-01-01T', ' (2026-11-11T', 'limit is', 'vs. '),
  piece: fc.constantFrom(
    ' ',
    '\t',
    'a',
    '1',
    'a1',
    '1 ',
    'Resolution note:',
    ' Resolution note: ',
    'message ',
    'message too ',
    'limit is 1',
    '(2026-01-01T1:1',
    '%20',
    '{"a":',
    '<',
    'abcabc',
    '\u{e0001}',
  ),
  after: fc.constantFrom('', '!', 'Z)', ')', 'x'),
});

/** How long something takes, ms. */
function millisOf(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/** The shortest of some times, which a busy machine disturbs least: of five, or of more as long as all are above a limit. */
function quickest(run: () => unknown, limit = Number.POSITIVE_INFINITY): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 5 || (shortest >= limit && tries < 50); tries++) {
    shortest = Math.min(shortest, millisOf(run));
  }
  return shortest;
}

const SHORT = 4_000;
const TIMES_LONGER = 16;

describe.each(Object.entries(LOOKED_AT))('%s', (_, look) => {
  it('takes a time that grows no faster than its length, whatever it repeats', () => {
    fc.assert(
      fc.property(repetitive, ({ before, piece, after }) => {
        const text = (length: number) => before + piece.repeat(length / piece.length) + after;
        const short = quickest(() => look(text(SHORT)));
        // Quadratic would be 256 times as long. Below a millisecond nothing is worth comparing.
        const limit = Math.max(short, 0.2) * TIMES_LONGER * 5;
        expect(quickest(() => look(text(SHORT * TIMES_LONGER)), limit)).toBeLessThan(limit);
      }),
      runs(60),
    );
  });
});
