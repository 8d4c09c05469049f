import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Collection } from '../shm/collection.js';
import { decodeCollections, encodeCollections } from './collections-codec.js';
import { inSlices } from './in-slices.js';
import { SegmentError } from './segment-error.js';

const MAGIC = 'msbspool';
const VERSION = 1;
const HEADER_BYTES = 64;

/** Where each thing lies in the header. See docs/spool.md. */
const AT = { version: 8, collections: 12, compressed: 16, plain: 20, checksum: 32 } as const;

/** The most bytes of a segment without compression: far above those of a flush interval with 16,384 sandboxes. 1 GiB. */
const MAX_PLAIN_BYTES = 2 ** 30;

/** Bytes after which a checksum may be interrupted: a millisecond. */
const STEP_BYTES = 512 * 1024;

/** Makes a segment of collections: a header, and all else compressed. */
export async function sealSegment(collections: readonly Collection[]): Promise<Buffer> {
  const plain = await inSlices(encodeCollections(collections));
  if (plain.length > MAX_PLAIN_BYTES) {
    throw new RangeError(`${plain.length} bytes at once, expected at most ${MAX_PLAIN_BYTES}`);
  }
  const body = await promisify(deflateRaw)(plain, { level: 1 });
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 'latin1');
  header.writeUInt16LE(VERSION, AT.version);
  header.writeUInt32LE(collections.length, AT.collections);
  header.writeUInt32LE(body.length, AT.compressed);
  header.writeUInt32LE(plain.length, AT.plain);
  (await checksum(header, body)).copy(header, AT.checksum);
  return Buffer.concat([header, body]);
}

/**
 * The collections of a segment.
 *
 * @throws {SegmentError} for anything else than a whole segment of this version
 */
export async function openSegment(bytes: Buffer): Promise<readonly Collection[]> {
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new SegmentError('is no segment of a spool');
  }
  const version = bytes.readUInt16LE(AT.version);
  if (version !== VERSION) {
    throw new SegmentError(`is a segment of version ${version}, expected ${VERSION}`);
  }
  const header = bytes.subarray(0, HEADER_BYTES);
  const body = bytes.subarray(HEADER_BYTES);
  if (!(await checksum(header, body)).equals(header.subarray(AT.checksum))) {
    throw new SegmentError('has a wrong checksum: it is damaged, or was cut off');
  }
  const plainBytes = header.readUInt32LE(AT.plain);
  if (plainBytes > MAX_PLAIN_BYTES) {
    throw new SegmentError(`says that it has ${plainBytes} bytes, expected at most ${MAX_PLAIN_BYTES}`);
  }
  let collections: readonly Collection[];
  try {
    collections = await inSlices(
      decodeCollections(await promisify(inflateRaw)(body, { maxOutputLength: Math.max(1, plainBytes) })),
    );
  } catch (error) {
    throw new SegmentError(`cannot be decoded: ${(error as Error).message}`);
  }
  if (collections.length !== header.readUInt32LE(AT.collections)) {
    throw new SegmentError(`has ${collections.length} collections, and its header says another number`);
  }
  return collections;
}

/** SHA-256 of the header up to its place, and of the body. */
const checksum = (header: Buffer, body: Buffer): Promise<Buffer> =>
  inSlices(
    (function* () {
      const hash = createHash('sha256').update(header.subarray(0, AT.checksum));
      for (let at = 0; at < body.length; at += STEP_BYTES) {
        yield;
        hash.update(body.subarray(at, at + STEP_BYTES));
      }
      return hash.digest();
    })(),
  );
