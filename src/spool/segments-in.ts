import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Segment } from './spool-store.js';

/** First item, items, and how many are done. */
const SEGMENT_NAME = /^(\d{16})-(\d+)-(\d+)\.segment$/u;

/** What a segment is called. */
export const nameOf = ({ first, items, done }: Pick<Segment, 'first' | 'items' | 'done'>): string =>
  `${String(first).padStart(16, '0')}-${items}-${done}.segment`;

/**
 * The segments in a directory, the oldest first. One that goes away meanwhile is left out.
 *
 * @throws what the system says of the directory
 */
export function segmentsIn(directory: string): readonly (Segment & { readonly name: string })[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const [, first, items, done] = SEGMENT_NAME.exec(name) ?? [];
      // Others may put anything here.
      const isName = first !== undefined && Number(items) > 0 && Number(done) < Number(items);
      const stat = isName ? statSync(join(directory, name), { throwIfNoEntry: false }) : undefined;
      return stat === undefined || !stat.isFile()
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

const PUT_ASIDE_NAME = /^\d{16}-\d+-\d+\.segment\.bad$/u;

/** A file of a segment that could not be read. */
export interface UnreadableFile {
  readonly name: string;
  readonly bytes: number;
}

/** What a segment is called that was put aside. */
export const putAsideNameOf = (name: string): string => `${name}.bad`;

/**
 * The segments in a directory that were put aside, the oldest first.
 *
 * @throws what the system says of the directory
 */
export function putAsideIn(directory: string): readonly UnreadableFile[] {
  return readdirSync(directory)
    .filter((name) => PUT_ASIDE_NAME.test(name))
    .sort()
    .flatMap((name) => {
      const stat = statSync(join(directory, name), { throwIfNoEntry: false });
      return stat?.isFile() === true ? [{ name, bytes: stat.size }] : [];
    });
}
