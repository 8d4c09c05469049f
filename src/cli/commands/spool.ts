import { readFile } from 'node:fs/promises';
import { formatCollectionAsJson } from '../../sinks/stdout/json-line.js';
import { openSegment } from '../../spool/segment.js';
import { SegmentError } from '../../spool/segment-error.js';
import { segmentsIn } from '../../spool/segments-in.js';
import { bytesIn, leftIn } from '../../spool/spool-store.js';
import { EXIT } from '../exit-status.js';
import { OutputError, print } from '../streams.js';
import { quoted, UsageError } from '../usage-error.js';

/** Shows what is in a spool, or in one of its segments, to people. Changes nothing, also beside a process that uses it. */
export async function runSpool(action: string, path: string): Promise<number> {
  try {
    if (action === 'ls') {
      printSegments(path);
    } else {
      await printSamples(path);
    }
    return EXIT.clean;
  } catch (error) {
    if (error instanceof OutputError) {
      throw error;
    }
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `spool ${action}: got ${quoted(path)}: ${error instanceof SegmentError ? message : `cannot be read (${code ?? message})`}: expected ${action === 'ls' ? 'the directory of --spool-dir' : 'a file of it'}`,
    );
  }
}

function printSegments(directory: string): void {
  const segments = segmentsIn(directory);
  for (const { name, items, done, bytes, writtenAtMillis } of segments) {
    const time = new Date(writtenAtMillis).toISOString();
    print(`${time} ${name} collections=${items - done} bytes=${bytes}`);
  }
  print(`${segments.length} segments, ${leftIn(segments)} collections, ${bytesIn(segments)} bytes`);
}

async function printSamples(file: string): Promise<void> {
  for (const collection of await openSegment(await readFile(file))) {
    const lines = formatCollectionAsJson(collection);
    if (lines !== '') {
      print(lines.trimEnd());
    }
  }
}
