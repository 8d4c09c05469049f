import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyBeginning } from '../../src/sinks/otlp/transport/body-beginning.js';
import { runs } from '../support/runs.js';

describe('the beginning of a body', () => {
  it('is what came first, however it is cut into chunks, and no more than asked for', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.integer({ min: 1, max: 200 }),
        (chunks, most) => {
          const body = new BodyBeginning(most);
          for (const chunk of chunks) {
            body.add(Buffer.from(chunk));
          }
          const whole = Buffer.concat(chunks);
          expect(body.bytes.equals(whole.subarray(0, most))).toBe(true);
          expect(body.isFull).toBe(whole.length >= most);
        },
      ),
      runs(500),
    );
  });
});
