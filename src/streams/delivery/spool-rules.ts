import { bytesIn, leftIn, type Segment } from '../../spool/spool-store.js';
import { dropOldest } from '../drop-oldest.js';
import { Queue } from '../queue.js';
import type { DeliveryEffect } from './effect.js';
import { type Delivery, type Spooled, type Writing, withHeld } from './state.js';

/** A new state, and what is to be done, in order. */
export type Step<T> = readonly [Delivery<T>, readonly DeliveryEffect<T>[]];

const NOTHING: readonly never[] = [];

/** A delivery with a spool. */
export type WithSpool<T> = Delivery<T> & { readonly spool: Spooled<T> };

export const hasSpool = <T>(state: Delivery<T>): state is WithSpool<T> => state.spool !== undefined;

/** The same delivery, with these changes beside it on disk. */
export const withSpool = <T>(state: WithSpool<T>, changes: Partial<Spooled<T>>): WithSpool<T> => ({
  ...state,
  spool: { ...state.spool, ...changes },
});

/** Where the next batch is taken from. */
export type Source = 'front' | 'held' | 'segment' | 'writing';

/** Where the oldest items that wait are. */
export function sourceOf<T>({ spool }: Delivery<T>): Source {
  if (spool === undefined) {
    return 'held';
  }
  if (spool.front.size > 0) {
    return 'front';
  }
  if (spool.writing?.isFront === true) {
    return 'writing';
  }
  if (spool.segments.size > 0) {
    return 'segment';
  }
  return spool.writing === undefined ? 'held' : 'writing';
}

/** The oldest segment is to be read. Comes back as `read`. */
export function readOldest<T>(state: WithSpool<T>): Step<T> {
  if (state.spool.isReading) {
    return [state, NOTHING];
  }
  return [
    withSpool(state, { isReading: true }),
    [{ type: 'read-segment', segment: state.spool.segments.oldest(1)[0] }],
  ];
}

/** What was read is the front. A sink that has stopped exporting meanwhile leaves it on disk. */
export function takeFront<T>(state: WithSpool<T>, items: readonly T[]): WithSpool<T> {
  if (state.phase !== 'exporting') {
    return withSpool(state, { isReading: false });
  }
  const [segment] = state.spool.segments.oldest(1);
  return withSpool(state, {
    ...withoutSegments(state.spool, [segment]),
    isReading: false,
    front: Queue.of(items),
    frontSegment: segment,
    frontFirst: segment.first + segment.done,
    isFrontPartial: false,
  });
}

/** The segments without their oldest few. */
function withoutSegments<T>(
  { segments, segmentItems, segmentBytes }: Spooled<T>,
  gone: readonly Segment[],
): Pick<Spooled<T>, 'segments' | 'segmentItems' | 'segmentBytes'> {
  return {
    segments: segments.without(gone.length),
    segmentItems: segmentItems - leftIn(gone),
    segmentBytes: segmentBytes - bytesIn(gone),
  };
}

/** The segments with one more: older than all, or newer. */
function withSegment<T>(
  { segments, segmentItems, segmentBytes }: Spooled<T>,
  segment: Segment,
  isOldest: boolean,
): Pick<Spooled<T>, 'segments' | 'segmentItems' | 'segmentBytes'> {
  return {
    segments: isOldest ? segments.putBack([segment]) : segments.add(segment),
    segmentItems: segmentItems + leftIn([segment]),
    segmentBytes: segmentBytes + segment.bytes,
  };
}

/** The batch that goes out now is taken from the front, or from what is held. */
export function takeBatch<T>(state: Delivery<T>, batch: readonly T[], source: Source): Delivery<T> {
  const { spool, held } = state;
  if (spool === undefined) {
    return { ...state, inFlight: batch, held: held.without(batch.length) };
  }
  const isFront = source === 'front';
  return {
    ...state,
    inFlight: batch,
    held: isFront ? held : held.without(batch.length),
    spool: {
      ...spool,
      front: isFront ? spool.front.without(batch.length) : spool.front,
      frontFirst: isFront ? spool.frontFirst : spool.next - held.size,
      isFrontInFlight: isFront,
      isUnanswered: false,
    },
  };
}

/**
 * The rest of a batch waits again, before all that is newer.
 *
 * @param rest the last of its items
 * @param done how many of its items were delivered, or given up
 * @param isPartial whether the rest is what is left of one item
 */
export function putBackRest<T>(
  state: Delivery<T>,
  rest: readonly T[],
  done: number,
  maxBuffered: number,
  isPartial = false,
): Step<T> {
  if (!hasSpool(state)) {
    return rest.length === 0 ? [state, NOTHING] : trimTo(state, state.held.putBack(rest), maxBuffered, 0);
  }
  const { front, frontFirst, frontSegment, isFrontInFlight, segments, writing } = state.spool;
  const answered = withSpool(state, { isFrontInFlight: false, isUnanswered: false, isFlushWaiting: false });
  if (isFrontInFlight) {
    const segment = frontSegment && { ...frontSegment, done: frontSegment.done + done };
    const isDone = segment?.done === segment?.items;
    return [
      withSpool(answered, {
        front: rest.length === 0 ? front : front.putBack(rest),
        frontFirst: frontFirst + done,
        frontSegment: isDone ? undefined : segment,
        isFrontPartial: isPartial || (done === 0 && state.spool.isFrontPartial),
      }),
      segment === undefined || done === 0
        ? NOTHING
        : [isDone ? { type: 'remove-segments', segments: [segment] } : { type: 'keep-segment', segment }],
    ];
  }
  if (rest.length === 0) {
    return [answered, NOTHING];
  }
  // Something newer is on disk, or on its way: it is no longer the newest that it comes before.
  if (segments.size > 0 || writing !== undefined) {
    return [
      withSpool(answered, { front: Queue.of(rest), frontFirst: frontFirst + done, frontSegment: undefined }),
      NOTHING,
    ];
  }
  return trimTo(answered, answered.held.putBack(rest), maxBuffered, 0);
}

/**
 * After a failure nothing that is on disk stays in memory, but for a segment of which a part of an item was delivered.
 *
 * @param isEnd whether the sink ends: then nothing stays
 */
export function unloadFront<T>(state: Delivery<T>, isEnd = false): Delivery<T> {
  if (!hasSpool(state) || state.spool.frontSegment === undefined || (state.spool.isFrontPartial && !isEnd)) {
    return state;
  }
  const { frontSegment } = state.spool;
  return withSpool(state, {
    ...withSegment(state.spool, frontSegment, true),
    front: Queue.of<T>(),
    frontSegment: undefined,
    isFrontPartial: false,
  });
}

/** Whether what is in memory should be on disk: the receiver does not take it, or something older is there. */
function wantsToWrite<T>({ phase, spool }: WithSpool<T>): boolean {
  const { isUnanswered, segments, front, frontSegment } = spool;
  return (
    phase === 'waiting' ||
    phase === 'shutting-down' ||
    isUnanswered ||
    segments.size > 0 ||
    frontSegment !== undefined ||
    front.size > 0
  );
}

/** Whether there is something that is on no disk, and not on its way there. */
export function hasUnsaved<T>({ held, spool }: Delivery<T>): boolean {
  return spool !== undefined && (held.size > 0 || (spool.front.size > 0 && spool.frontSegment === undefined));
}

/**
 * The most items of a segment: it is encoded at once, and nothing else happens meanwhile. More than a flush interval usually has.
 */
export const MOST_ITEMS_OF_A_SEGMENT = 30;

/**
 * Writes what is in memory and on no disk, the oldest first, one segment at a time. Comes back as `written`.
 *
 * @param isFull whether the buffer is full, and something would be dropped. That is so at each item then, and a disk that fails is
 *   asked for the one that goes next alone: to encode many for nothing each time takes longer than all else that a sink does.
 */
export function writeNext<T>(state: Delivery<T>, isFull = false): Step<T> {
  if (!hasSpool(state) || state.spool.writing !== undefined || !(isFull || wantsToWrite(state))) {
    return [state, NOTHING];
  }
  const { front, frontFirst, frontSegment, isFrontInFlight, next, error } = state.spool;
  const isTrial = isFull && error !== undefined;
  if (!isTrial && front.size > 0 && frontSegment === undefined) {
    const first = frontFirst + (isFrontInFlight ? state.inFlight.length : 0);
    return writing(withSpool(state, { front: Queue.of<T>() }), {
      first,
      items: [...front],
      isFront: true,
      isTrial: false,
    });
  }
  const { held } = state;
  const items = held.oldest(isTrial ? 1 : MOST_ITEMS_OF_A_SEGMENT);
  return items.length === 0
    ? [state, NOTHING]
    : writing(
        { ...state, held: held.without(items.length) },
        { first: next - held.size, items, isFront: false, isTrial },
      );
}

function writing<T>(state: WithSpool<T>, what: Omit<Writing<T>, 'isLast'>): Step<T> {
  return [
    withSpool(state, { writing: { ...what, isLast: state.phase === 'shutting-down' } }),
    [{ type: 'write-segment', first: what.first, items: what.items }],
  ];
}

/**
 * What was written is on disk. Beyond the maximal size the oldest other segments are dropped. A disk on which one item has found
 * room may have none for more: it works again when a write that was due has succeeded.
 */
export function written<T>(state: WithSpool<T>, segment: Segment, maxBytes: number): Step<T> {
  const { frontSegment, error, isReading, writing: wrote } = state.spool;
  const isTrial = wrote?.isTrial === true;
  const added = withSpool(state, {
    ...withSegment(state.spool, segment, wrote?.isFront === true),
    writing: undefined,
    error: isTrial ? error : undefined,
  });
  const { segments, segmentBytes } = added.spool;
  // The one that is being read, and the newest, stay.
  const kept = isReading ? 1 : 0;
  let tooMuch = segmentBytes + (frontSegment?.bytes ?? 0) - maxBytes;
  const all = tooMuch > 0 ? segments.oldest(segments.size) : [];
  let count = 0;
  while (tooMuch > 0 && kept + count < all.length - 1) {
    tooMuch -= all[kept + count].bytes;
    count++;
  }
  const dropped = all.slice(kept, kept + count);
  const remaining = count === 0 ? segments : Queue.of([...all.slice(0, kept), ...all.slice(kept + count)]);
  const [next, told] = giveUp(added, dropped, remaining);
  return [
    next,
    [
      {
        type: 'emit',
        event: {
          type: 'spooled',
          items: segment.items,
          bytes: segment.bytes,
          recovered: error !== undefined && !isTrial,
        },
      },
      ...told,
      ...(count === 0 ? [] : [{ type: 'remove-segments', segments: dropped } as const]),
    ],
  ];
}

/** The disk fails. */
export function diskFailed<T>(
  state: WithSpool<T>,
  error: Error,
): readonly [WithSpool<T>, readonly DeliveryEffect<T>[]] {
  return [withSpool(state, { error }), [{ type: 'emit', event: { type: 'spool-failed', error } }]];
}

/** What could not be written is in memory again, in its place. */
export function notWritten<T>(state: WithSpool<T>, error: Error, maxBuffered: number): Step<T> {
  const { writing: unwritten, front } = state.spool;
  const [without, told] = diskFailed(withSpool(state, { writing: undefined }), error);
  if (unwritten === undefined) {
    return [without, told];
  }
  const { items, isFront } = unwritten;
  if (isFront) {
    return [withSpool(without, { front: Queue.of([...front, ...items]) }), told];
  }
  const [held, effects] = trimTo(without, without.held.putBack(items), maxBuffered, 0);
  return [held, [...told, ...effects]];
}

/** A segment that cannot be read is put aside, and what was in it is dropped. */
export function withoutOldest<T>(state: WithSpool<T>, error: Error): Step<T> {
  const [segment] = state.spool.segments.oldest(1);
  const [next, told] = giveUp(state, [segment], state.spool.segments.without(1));
  return [
    withSpool(next, { isReading: false }),
    [{ type: 'emit', event: { type: 'segment-lost', error, items: leftIn([segment]) } }, ...told],
  ];
}

/** Items of segments that are given up: counted as dropped, with an event if there are any. */
function giveUp<T>(
  state: WithSpool<T>,
  gone: readonly Segment[],
  segments: Queue<Segment>,
): readonly [WithSpool<T>, readonly DeliveryEffect<T>[]] {
  const items = leftIn(gone);
  const { spool } = state;
  const next = withSpool(withHeld(state, state.held, 0, items) as WithSpool<T>, {
    segments,
    segmentItems: spool.segmentItems - items,
    segmentBytes: spool.segmentBytes - bytesIn(gone),
  });
  const event = { type: 'dropped', items, total: next.totals.dropped, isFromSpool: true } as const;
  return [next, items === 0 ? NOTHING : [{ type: 'emit', event }]];
}

/** Holds no more than the greatest number, by dropping the oldest that are held. */
export function trimTo<T>(
  state: Delivery<T>,
  held: Queue<T>,
  maxBuffered: number,
  collected: 0 | 1,
): Step<T> {
  const { kept, dropped } = dropOldest(held, maxBuffered);
  const next = withHeld(state, kept, collected, dropped);
  return [
    next,
    dropped === 0
      ? NOTHING
      : [{ type: 'emit', event: { type: 'dropped', items: dropped, total: next.totals.dropped } }],
  ];
}
