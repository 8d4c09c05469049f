import { describe, expect, it } from 'vitest';
import { NO_SKIPPED_ROWS, totalSkipped } from '../../src/shm/skipped-rows.js';

describe('skipped rows', () => {
  it('are counted over all reasons', () => {
    expect(totalSkipped(NO_SKIPPED_ROWS)).toBe(0);
    expect(totalSkipped({ ...NO_SKIPPED_ROWS, torn: 2, tooOld: 3, unknown: 4 })).toBe(9);
  });
});
