import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeliveryEvent } from '../../src/streams/delivery-events.js';
import { type ModelEvent, model } from '../support/delivery-model.js';
import { runSchedule, type Schedule, schedules } from '../support/delivery-schedule.js';
import { NAMED_SCHEDULES } from '../support/named-schedules.js';
import { runs } from '../support/runs.js';

/** An event in the model's words. */
function inModelWords(at: number, event: DeliveryEvent): ModelEvent {
  switch (event.type) {
    case 'exported':
      return [at, 'exported', event.items, event.droppedBefore];
    case 'recovered':
      return [at, 'recovered', event.failures];
    case 'failed':
      return [at, 'failed', event.failures, event.retryInMillis, event.held];
    case 'split':
    case 'rejected':
    case 'dropped':
      return [at, event.type, event.items];
    case 'spooled':
    case 'spool-failed':
    case 'segment-lost':
    case 'flushed':
      return [at, event.type];
    case 'drained':
      return [at, 'drained', event.lost, event.rejected, reason(event.error)];
  }
}

function reason(error: Error | undefined): string | undefined {
  return error?.message
    .replace(/^no answer within the \d+ ms of the drain$/u, 'deadline')
    .replace(/^no answer within .*/u, 'timeout');
}

function agrees(schedule: Schedule): void {
  const expected = model(schedule);
  fc.pre(expected !== undefined);
  const actual = runSchedule(schedule);
  expect(actual.events.map(({ at, event }) => inModelWords(at, event))).toEqual(expected?.events);
  expect(actual.exports.map(({ at, batch }) => [at, batch])).toEqual(expected?.exports);
}

describe('a sink does what a page of plain code says', () => {
  it('over random schedules', () => {
    fc.assert(fc.property(schedules, agrees), runs(2_000));
  });

  it.each(NAMED_SCHEDULES)('$name', ({ schedule }) => agrees(schedule));
});
