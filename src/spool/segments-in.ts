import { readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Segment } from './spool-store.js';

/** First item, items, and how many are done. */
const SEGMENT_NAME = /^(\d{16})-(\d+)-(\d+)\.segment$/u;

const PUT_ASIDE = '.bad';

/** What a segment is called. */
export const nameOf = ({ first, items, done }: Pick<Segment, 'first' | 'items' | 'done'>): string =>
  `${String(first).padStart(16, '0')}-${items}-${done}.segment`;

/** What a segment is called that was put aside. */
export const putAsideNameOf = (name: string): string => `${name}${PUT_ASIDE}`;

/**
 * The segments in a directory, the oldest first. One that goes away meanwhile is left out.
 *
 * @throws what the system says of the directory
 */
export function segmentsIn(directory: string): readonly (Segment & { readonly name: string })[] {
  return filesIn(directory).flatMap(({ name, stat }) => {
    const [, first, items, done] = SEGMENT_NAME.exec(name) ?? [];
    // Others may put anything here.
    return first === undefined || Number(items) === 0 || Number(done) >= Number(items)
      ? []
      : [
          {
            name,
            first: Number(first),
            items: Number(items),
            done: Number(done),
            bytes: stat.size,
            writtenAtMillis: stat.mtimeMs,
          },
        ];
  });
}

/** A file of a segment that could not be read. */
export interface UnreadableFile {
  readonly name: string;
  readonly bytes: number;
}

/**
 * The segments in a directory that were put aside, the oldest first.
 *
 * @throws what the system says of the directory
 */
export function putAsideIn(directory: string): readonly UnreadableFile[] {
  return filesIn(directory, PUT_ASIDE).map(({ name, stat }) => ({ name, bytes: stat.size }));
}

/** The files that are named as segments are, and a suffix, in the order of their names. */
function filesIn(directory: string, suffix = ''): readonly { readonly name: string; readonly stat: Stats }[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(suffix) && SEGMENT_NAME.test(name.slice(0, name.length - suffix.length)))
    .sort()
    .flatMap((name) => {
      const stat = statSync(join(directory, name), { throwIfNoEntry: false });
      return stat?.isFile() === true ? [{ name, stat }] : [];
    });
}
