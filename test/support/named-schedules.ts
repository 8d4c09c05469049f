import type { Response, Schedule } from './delivery-schedule.js';

const answer = (kind: Response['kind'], delay = 0, retryAfter = 0): Response => ({ kind, delay, retryAfter });

const base: Schedule = {
  flushInterval: 100,
  maxBuffered: 5,
  exportTimeout: 60,
  batchSize: 8,
  exportsEmptyBatches: false,
  items: [11, 21, 31],
  flushes: [],
  responses: [],
  end: { kind: 'completes', at: 950 },
};

/** Cases that are easy to get wrong, and counter-examples that random search has found. */
export const NAMED_SCHEDULES: readonly { readonly name: string; readonly schedule: Schedule }[] = [
  {
    name: 'a flush tick while an export is in flight',
    schedule: { ...base, exportTimeout: 250, responses: [answer('delivered', 221)] },
  },
  {
    name: 'a failed batch that comes back to a full buffer',
    schedule: {
      ...base,
      maxBuffered: 2,
      exportTimeout: 90,
      items: [11, 21, 105, 115, 125],
      responses: [answer('errors', 72)],
    },
  },
  {
    name: 'an explicit flush during a backoff',
    schedule: { ...base, flushes: [133], responses: [answer('failed'), answer('failed')] },
  },
  {
    name: 'an explicit flush during an export',
    schedule: { ...base, items: [11, 113], flushes: [123], responses: [answer('delivered', 41)] },
  },
  {
    name: 'an explicit flush during an export that then fails',
    schedule: { ...base, items: [11, 113], flushes: [123], responses: [answer('failed', 41)] },
  },
  {
    name: 'completion during an export',
    schedule: { ...base, end: { kind: 'completes', at: 115 }, responses: [answer('delivered', 41)] },
  },
  {
    name: 'completion during an export that then fails',
    schedule: { ...base, end: { kind: 'completes', at: 115 }, responses: [answer('failed', 41)] },
  },
  {
    name: 'completion during an export that never answers',
    schedule: { ...base, end: { kind: 'completes', at: 115 }, responses: [answer('hangs'), answer('hangs')] },
  },
  {
    name: 'completion during a backoff',
    schedule: { ...base, end: { kind: 'completes', at: 115 }, responses: [answer('failed')] },
  },
  {
    name: 'completion in the middle of a flush of several exports',
    schedule: {
      ...base,
      batchSize: 1,
      end: { kind: 'completes', at: 155 },
      responses: [answer('delivered', 41), answer('delivered', 41)],
    },
  },
  {
    name: 'failure of the source during a backoff',
    schedule: { ...base, end: { kind: 'fails', at: 115 }, responses: [answer('failed'), answer('failed')] },
  },
  {
    name: 'an exporter that never answers',
    schedule: { ...base, responses: [answer('hangs'), answer('hangs')] },
  },
  { name: 'an exporter that answers twice', schedule: { ...base, responses: [answer('twice', 7)] } },
  {
    name: 'an exporter that answers after its timeout',
    schedule: { ...base, responses: [answer('delivered', 75)] },
  },
  {
    name: 'an exporter that throws at once',
    schedule: { ...base, flushes: [43], responses: [answer('throws')] },
  },
  {
    name: 'an exporter that completes without a value',
    schedule: { ...base, responses: [answer('empty', 7)] },
  },
  {
    name: 'a drain of several exports that runs out of time',
    schedule: {
      ...base,
      batchSize: 1,
      end: { kind: 'completes', at: 55 },
      responses: [answer('delivered', 41), answer('delivered', 41)],
    },
  },
  {
    name: 'a remainder that comes back to a full buffer and is dropped',
    schedule: { ...base, maxBuffered: 1, items: [11, 113], responses: [answer('remainder', 41)] },
  },
  {
    name: 'a buffer that becomes full in a wait, while the receiver is back',
    schedule: { ...base, maxBuffered: 4, items: [11, 21, 131, 141, 151], responses: [answer('failed')] },
  },
  {
    name: 'a buffer that becomes full in a wait, while the receiver is away: the wait keeps its end',
    schedule: {
      ...base,
      maxBuffered: 3,
      items: [11, 21, 131, 141, 151, 341],
      responses: [answer('failed'), answer('errors', 7), answer('failed'), answer('failed')],
    },
  },
  {
    name: 'a buffer that is full at a failure, and an item in the wait',
    schedule: {
      ...base,
      maxBuffered: 2,
      items: [11, 21, 131, 141, 151],
      responses: [answer('failed'), answer('hangs')],
    },
  },
  {
    name: 'a last chance that outlasts its wait and fails: it is the attempt that was due',
    schedule: {
      ...base,
      maxBuffered: 2,
      exportTimeout: 90,
      items: [11, 21, 131],
      responses: [answer('failed'), answer('failed', 85), answer('failed')],
    },
  },
  {
    name: 'a buffer that becomes full while the receiver asks to be left alone',
    schedule: {
      ...base,
      maxBuffered: 2,
      items: [11, 21, 131, 155, 165],
      responses: [answer('failed', 0, 50)],
    },
  },
  {
    name: 'a buffer that becomes full in a wait that the receiver asked for',
    schedule: {
      ...base,
      maxBuffered: 2,
      items: [11, 21, 131, 155, 165],
      responses: [answer('failed', 0, 255)],
    },
  },
  {
    name: 'a last chance to which the receiver answers that it wants to be left alone longer',
    schedule: {
      ...base,
      maxBuffered: 2,
      items: [11, 21, 131, 155, 165],
      responses: [answer('failed'), answer('failed', 3, 350)],
    },
  },
  {
    name: 'a last chance that is refused as bad data, and one as a whole: the wait is over',
    schedule: {
      ...base,
      maxBuffered: 2,
      items: [11, 21, 131, 142, 153, 164, 275],
      responses: [answer('failed'), answer('rejected', 3), answer('failed', 2), answer('split', 4)],
    },
  },
  {
    name: 'completion during a last chance',
    schedule: {
      ...base,
      maxBuffered: 2,
      items: [11, 21, 131],
      end: { kind: 'completes', at: 145 },
      responses: [answer('failed'), answer('failed', 23)],
    },
  },
  {
    name: 'a backoff that goes on as it was after a refusal in between',
    schedule: {
      ...base,
      exportTimeout: 10,
      batchSize: 1,
      items: [],
      exportsEmptyBatches: true,
      responses: [answer('delivered', 11), answer('rejected'), answer('delivered', 11)],
    },
  },
];

/** Cases in which two things fall on the same instant, so that the model has no opinion. The invariants hold all the same. */
export const SAME_INSTANT_SCHEDULES: readonly { readonly name: string; readonly schedule: Schedule }[] = [
  {
    name: 'completion at the instant at which an explicit flush begins an export that never answers',
    schedule: {
      ...base,
      flushes: [55],
      end: { kind: 'completes', at: 55 },
      responses: [answer('hangs'), answer('delivered', 1)],
    },
  },
  {
    name: 'completion at the instant of a failure, with a drain of two exports',
    schedule: {
      ...base,
      items: [50],
      end: { kind: 'completes', at: 100 },
      responses: [answer('failed'), answer('split', 50)],
    },
  },
];
