import protobuf from 'protobufjs/minimal.js';
import { describe, expect, it } from 'vitest';
import { parsePartialSuccess, parseRpcStatus } from '../../../../src/sinks/otlp/transport/messages.js';

const { Writer } = protobuf;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const tag = (field: number, wireType: number): number => field * 8 + wireType;

/** A field of a message: numbers are varints, texts and messages are length-delimited. */
type Field = readonly [field: number, value: number | string | Uint8Array];

function message(...fields: readonly Field[]): Uint8Array {
  const writer = Writer.create();
  for (const [field, value] of fields) {
    if (typeof value === 'number') {
      writer.uint32(tag(field, VARINT)).int64(value);
    } else if (typeof value === 'string') {
      writer.uint32(tag(field, BYTES)).string(value);
    } else {
      writer.uint32(tag(field, BYTES)).bytes(value);
    }
  }
  return writer.finish();
}

/** Fields of the other wire types, which later versions of a message may have. */
const unknownFields = Writer.create()
  .uint32(tag(9, FIXED64))
  .fixed64(7)
  .uint32(tag(10, FIXED32))
  .fixed32(7)
  .finish();

const followedBy = (first: Uint8Array, second: Uint8Array): Uint8Array => Buffer.concat([first, second]);

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';
const retryInfo = (...duration: readonly Field[]): Uint8Array => message([1, message(...duration)]);
const withDetails = (...details: readonly Uint8Array[]): Uint8Array =>
  message([1, 14], [2, 'later'], ...details.map((each): Field => [3, each]));

describe('a partial success', () => {
  it.each<[string, Uint8Array, unknown]>([
    [
      'points and a message',
      message([1, message([1, 3], [2, 'old'])]),
      { rejectedPoints: 3, message: 'old' },
    ],
    ['points alone', message([1, message([1, 3])]), { rejectedPoints: 3, message: '' }],
    [
      'a message alone',
      message([1, message([2, 'soon deprecated'])]),
      { rejectedPoints: 0, message: 'soon deprecated' },
    ],
    ['nothing', message([1, message()]), undefined],
    ['0 points', message([1, message([1, 0], [2, ''])]), undefined],
    ['less than 0 points', message([1, message([1, -5])]), undefined],
    [
      'less than 0 points and a message',
      message([1, message([1, -5], [2, 'odd'])]),
      { rejectedPoints: 0, message: 'odd' },
    ],
    [
      'what later versions may add',
      message([7, 'x'], [1, message([1, 3], [3, 99], [4, 'new'], [2, 'old'], [5, 8])], [2, 'y']),
      { rejectedPoints: 3, message: 'old' },
    ],
    [
      'fields of other wire types',
      followedBy(unknownFields, message([1, followedBy(unknownFields, message([1, 3]))])),
      { rejectedPoints: 3, message: '' },
    ],
    ['fields of the wrong types', message([1, message([1, 'x'], [2, 5])]), undefined],
    [
      'fields of the wrong types after the right ones',
      message([1, message([1, 3], [2, 'old'], [1, 'x'], [2, 5])]),
      { rejectedPoints: 3, message: 'old' },
    ],
  ])('of %s is read', (_, response, partial) => {
    expect(parsePartialSuccess(response)).toEqual(partial);
  });

  it.each<[string, Uint8Array]>([
    ['there is none', message()],
    ['there is something else', message([2, message([1, 3], [2, 'old'])])],
    ['it is a number', message([1, 3])],
    ['the response is cut', message([1, message([1, 3], [2, 'old'])]).subarray(0, 5)],
    ['the response is no message', Buffer.from([0xff, 0xff, 0xff])],
  ])('is none where %s', (_, response) => {
    expect(parsePartialSuccess(response)).toBeUndefined();
  });
});

describe('a google.rpc.Status', () => {
  it.each<[string, Uint8Array, unknown]>([
    ['nothing', message(), { message: '', retryDelayMillis: undefined }],
    ['a message', message([1, 3], [2, 'bad']), { message: 'bad', retryDelayMillis: undefined }],
    ['a message of the wrong type', message([2, 3]), { message: '', retryDelayMillis: undefined }],
    [
      'a message of the wrong type after it',
      message([2, 'a'], [2, 3]),
      { message: 'a', retryDelayMillis: undefined },
    ],
    ['details of the wrong type', message([3, 3]), { message: '', retryDelayMillis: undefined }],
    [
      'what later versions may add',
      followedBy(unknownFields, message([4, 'x'], [2, 'bad'])),
      { message: 'bad', retryDelayMillis: undefined },
    ],
  ])('of %s is read', (_, status, expected) => {
    expect(parseRpcStatus(status)).toEqual(expected);
  });

  it.each<[string, Uint8Array, number | undefined]>([
    ['seconds', message([1, RETRY_INFO], [2, retryInfo([1, 5])]), 5_000],
    ['seconds and nanoseconds', message([1, RETRY_INFO], [2, retryInfo([1, 5], [2, 250_000_000])]), 5_250],
    ['nanoseconds', message([1, RETRY_INFO], [2, retryInfo([2, 250_000_000])]), 250],
    ['no time', message([1, RETRY_INFO], [2, retryInfo()]), 0],
    ['less than none', message([1, RETRY_INFO], [2, retryInfo([1, -5])]), 0],
    ['the value before the type', message([2, retryInfo([1, 5])], [1, RETRY_INFO]), 5_000],
    [
      'what later versions may add',
      message(
        [1, RETRY_INFO],
        [2, message([2, 'x'], [1, message([1, 5], [3, 9])], [4, 1])],
        [3, 'y'],
        [4, 3],
      ),
      5_000,
    ],
    ['a duration of the wrong types', message([1, RETRY_INFO], [2, retryInfo([1, 'x'], [2, 'y'])]), 0],
    [
      'another type',
      message([1, 'type.googleapis.com/google.rpc.QuotaFailure'], [2, retryInfo([1, 5])]),
      undefined,
    ],
    ['no type', message([2, retryInfo([1, 5])]), undefined],
    ['a type that is a number', message([1, 5], [2, retryInfo([1, 5])]), undefined],
    ['no value', message([1, RETRY_INFO]), undefined],
    ['a value that is a number', message([1, RETRY_INFO], [2, 5]), undefined],
    ['a value without a duration', message([1, RETRY_INFO], [2, message([3, 'x'])]), undefined],
    ['a duration that is a number', message([1, RETRY_INFO], [2, message([1, 5])]), undefined],
  ])('asks for a wait by RetryInfo: %s', (_, detail, retryDelayMillis) => {
    expect(parseRpcStatus(withDetails(detail))).toEqual({ message: 'later', retryDelayMillis });
  });

  it('asks for a wait by one of several details', () => {
    const other = message([1, 'type.googleapis.com/google.rpc.DebugInfo'], [2, message([2, 'x'])]);
    const asking = message([1, RETRY_INFO], [2, retryInfo([1, 5])]);
    expect(parseRpcStatus(withDetails(other, asking, other))?.retryDelayMillis).toBe(5_000);
  });

  it('is none where the bytes are no message', () => {
    expect(parseRpcStatus(Buffer.from([0xff, 0xff, 0xff]))).toBeUndefined();
    expect(parseRpcStatus(message([2, 'later']).subarray(0, 4))).toBeUndefined();
  });
});
