import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRawAsset } from 'node:sea';
import type * as Koffi from 'koffi';

/**
 * Loads the package that calls C from within the executable. The system loads libraries only from files: it is written into a folder
 * that nobody else can reach, and removed as soon as it is loaded.
 */
export function loadNative(): typeof Koffi {
  loaded ??= load();
  return loaded;
}

let loaded: typeof Koffi | undefined;

function load(): typeof Koffi {
  let problem: unknown;
  for (const folder of new Set([tmpdir(), process.env.XDG_RUNTIME_DIR, '/dev/shm', '/var/tmp'])) {
    if (folder) {
      try {
        return loadedFrom(folder);
      } catch (error) {
        problem ??= error;
      }
    }
  }
  const [reason] = (problem as Error).message.split('\n');
  throw new Error(`${reason}: it needs a folder to write to that is not mounted noexec, such as TMPDIR`);
}

/** What a process that was killed at its start has left. */
const STALE_MILLIS = 60_000;

const PREFIX = 'msb-metrics-library-';

function removeStale(parent: string): void {
  for (const name of readdirSync(parent).filter((each) => each.startsWith(PREFIX))) {
    const folder = join(parent, name);
    const stat = lstatSync(folder, { throwIfNoEntry: false });
    if (stat?.uid === process.geteuid?.() && Date.now() - (stat?.mtimeMs ?? 0) > STALE_MILLIS) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function loadedFrom(parent: string): typeof Koffi {
  const folder = mkdtempSync(join(parent, PREFIX));
  try {
    removeStale(parent);
    chmodSync(folder, 0o700);
    const file = join(folder, 'koffi.node');
    writeFileSync(file, new Uint8Array(getRawAsset('koffi.node') as ArrayBuffer), {
      mode: 0o500,
      flag: 'wx',
    });
    const native = { exports: {} };
    process.dlopen(native, file);
    return native.exports as typeof Koffi;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
