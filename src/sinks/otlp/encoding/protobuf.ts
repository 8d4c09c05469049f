import protobuf from 'protobufjs/minimal.js';

/** protobufjs's reader and writer, without its reflection. */
export const { Reader, Writer } = protobuf;
export type Writer = protobuf.Writer;
export type Reader = protobuf.Reader;

/** The tag of a length-delimited field. */
export const lengthDelimited = (field: number): number => (field << 3) | 2;
/** The tag of a varint field. */
export const varint = (field: number): number => (field << 3) | 0;
/** The tag of a 64-bit field. */
export const fixed64 = (field: number): number => (field << 3) | 1;

/** Bytes that a varint of `value` takes; `value` below 2^35. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) {
    bytes++;
  }
  return bytes;
}
