import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../../src/sinks/otlp/transport/answer.js';
import { ExportError } from '../../../../src/sinks/otlp/transport/export-error.js';
import { presentable as presentableFor } from '../../../../src/sinks/otlp/transport/presentable.js';

const presentable = (answer: Answer, redact: (text: string) => string) =>
  presentableFor(answer, redact, 'grpc');
const redact = (text: string): string => text.replaceAll('s3cret', '***');

describe('the words of a receiver', () => {
  it.each([
    'bad-data',
    'too-large',
    'failed',
  ] as const)('in the answer %s are one line without secrets, the rest of the answer as it was', (kind) => {
    expect(
      presentable({ kind, error: new Error(' no:\n\t s3cret  x '), retryAfterMillis: 5 } as never, redact),
    ).toEqual({ kind, error: new ExportError('no: *** x', undefined), retryAfterMillis: 5 });
  });

  it('in a partial success are too', () => {
    expect(
      presentable({ kind: 'accepted', partial: { rejectedPoints: 3, message: 'old:\ns3cret' } }, redact),
    ).toEqual({ kind: 'accepted', partial: { rejectedPoints: 3, message: 'old: ***' } });
    expect(presentable({ kind: 'accepted' }, redact)).toStrictEqual({ kind: 'accepted' });
  });

  it('are cut after 300 characters, and say so', () => {
    const cut = (length: number) =>
      presentable({ kind: 'failed', error: new Error('x'.repeat(length)) }, redact);
    expect(cut(300)).toMatchObject({ error: { message: 'x'.repeat(300) } });
    expect(cut(301)).toMatchObject({ error: { message: `${'x'.repeat(300)}...` } });
  });

  it('are searched for secrets before they are cut', () => {
    expect(
      presentable({ kind: 'failed', error: new Error(`${'x'.repeat(297)}s3cret`) }, redact),
    ).toMatchObject({ error: { message: `${'x'.repeat(297)}***` } });
  });

  it('come with a remedy where one is known', () => {
    const answer: Answer = { kind: 'failed', error: new Error('connect ECONNREFUSED 127.0.0.1:1') };
    expect(presentable(answer, redact)).toMatchObject({
      error: { remedy: expect.stringMatching(/^nothing listens there.*--endpoint/u) },
    });
  });
});
