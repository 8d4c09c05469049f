import { describe, expect, it } from 'vitest';
import { judgeHeader, judgeSize } from '../../src/shm/header.js';
import { HEADER, HEADER_BYTES, MAX_CAPACITY, regionBytes } from '../../src/shm/layout.js';

function header(changes: (view: DataView, bytes: Uint8Array) => void = () => {}): ArrayBuffer {
  const buffer = new ArrayBuffer(HEADER_BYTES);
  const view = new DataView(buffer);
  new Uint8Array(buffer).set(Buffer.from('MSBMET01'));
  view.setUint32(HEADER.version, 3, true);
  view.setUint32(HEADER.headerLength, 256, true);
  view.setUint32(HEADER.slotLength, 512, true);
  view.setUint32(HEADER.capacity, 1024, true);
  view.setUint32(HEADER.state, 2, true);
  changes(view, new Uint8Array(buffer));
  return buffer;
}

const size = regionBytes(1024);

describe('a region is judged by its size before it is touched', () => {
  it('is being initialised while it is empty', () => {
    expect(judgeSize(0)).toEqual({ state: 'initialising' });
  });

  it('is refused when it is shorter than a header', () => {
    expect(judgeSize(255)).toEqual({
      state: 'refused',
      message: 'is 255 bytes long: expected at least the 256 of a header',
    });
  });

  it('may have a header from 256 bytes on', () => {
    expect(judgeSize(256)).toBeUndefined();
  });
});

describe('a region is judged by its header', () => {
  it('is ready when all is as it should be', () => {
    expect(judgeHeader(header(), size, 3)).toEqual({ state: 'ready', capacity: 1024 });
  });

  it('may be longer than its slots need', () => {
    expect(judgeHeader(header(), size + 4096, 3)).toEqual({ state: 'ready', capacity: 1024 });
  });

  it('may have up to a million slots', () => {
    const largest = header((view) => view.setUint32(HEADER.capacity, MAX_CAPACITY, true));
    expect(judgeHeader(largest, regionBytes(MAX_CAPACITY), 3)).toEqual({
      state: 'ready',
      capacity: MAX_CAPACITY,
    });
    expect(judgeHeader(largest, regionBytes(MAX_CAPACITY) - 1, 3).state).toBe('refused');
  });

  it.each([0, 1])('is being initialised in state %i, whatever else it says', (state) => {
    const verdict = judgeHeader(
      header((view, bytes) => {
        bytes.fill(0, 0, 8);
        view.setUint32(HEADER.state, state, true);
      }),
      size,
      3,
    );
    expect(verdict).toEqual({ state: 'initialising' });
  });

  it.each([
    [
      'magic',
      (_: DataView, bytes: Uint8Array) => bytes.set(Buffer.from('MSBMET02')),
      'has the magic "MSBMET02": expected "MSBMET01"',
    ],
    [
      'binary magic',
      (_: DataView, bytes: Uint8Array) => bytes.fill(7, 0, 8),
      'has the magic 0x0707070707070707: expected "MSBMET01"',
    ],
    [
      'magic with a character that is not printable at its end',
      (_: DataView, bytes: Uint8Array) => bytes.set(Buffer.from('MSBMET0\n')),
      'has the magic 0x4d53424d4554300a: expected "MSBMET01"',
    ],
    [
      'magic with a character that is not printable at its front',
      (_: DataView, bytes: Uint8Array) => bytes.set(Buffer.from('\u001bSBMET01')),
      'has the magic 0x1b53424d45543031: expected "MSBMET01"',
    ],
    [
      'state',
      (view: DataView) => view.setUint32(HEADER.state, 3, true),
      'has the state 3: expected 2 (ready)',
    ],
    [
      'version',
      (view: DataView) => view.setUint32(HEADER.version, 2, true),
      'has the layout version 2: expected 3',
    ],
    [
      'header length',
      (view: DataView) => view.setUint32(HEADER.headerLength, 128, true),
      'has the header length 128: expected 256',
    ],
    [
      'slot length',
      (view: DataView) => view.setUint32(HEADER.slotLength, 1024, true),
      'has the slot length 1024: expected 512',
    ],
    [
      'capacity of 0',
      (view: DataView) => view.setUint32(HEADER.capacity, 0, true),
      `has a capacity of 0 slots: expected 1 to ${MAX_CAPACITY}`,
    ],
    [
      'capacity past all bounds',
      (view: DataView) => view.setUint32(HEADER.capacity, 2 ** 32 - 1, true),
      `has a capacity of 4294967295 slots: expected 1 to ${MAX_CAPACITY}`,
    ],
    [
      'capacity past its size',
      (view: DataView) => view.setUint32(HEADER.capacity, 1025, true),
      `is ${size} bytes long: expected at least ${size + 512} for its 1025 slots`,
    ],
  ])('is refused for its %s, saying what was expected and found', (_, change, message) => {
    expect(judgeHeader(header(change), size, 3)).toEqual({ state: 'refused', message });
  });
});
