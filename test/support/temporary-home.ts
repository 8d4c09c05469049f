import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const homes: string[] = [];

process.on('exit', () => {
  for (const home of homes) {
    rmSync(home, { recursive: true, force: true });
  }
});

/** A folder to serve as the MSB_HOME of this process; gone when the process ends. */
export function temporaryHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'msb-metrics-'));
  homes.push(home);
  return home;
}
