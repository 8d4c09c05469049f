import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** How long a disk takes for a small durable write, which the machine may hold up. */
export interface DiskWatch {
  /** The longest since this was last asked, ms; one that is under way counts. */
  longest(): number;
}

/** Watches the disk of a directory until the test ends. */
export async function watchDisk(directory: string): Promise<DiskWatch> {
  const path = join(directory, 'disk-watch');
  const file = await open(path, 'w');
  let longest = 0;
  let began = performance.now();
  let isWatching = true;
  const watching = (async () => {
    while (isWatching) {
      began = performance.now();
      await file.write('x', 0);
      await file.sync();
      longest = Math.max(longest, performance.now() - began);
      await setTimeout(20);
    }
  })();
  onTestFinished(async () => {
    isWatching = false;
    await watching;
    await file.close();
    await rm(path, { force: true });
  });
  return {
    longest: () => {
      const most = Math.max(longest, performance.now() - began);
      longest = 0;
      return most;
    },
  };
}
