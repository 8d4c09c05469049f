import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder to serve as the MSB_HOME of this process; gone when the process ends. */
export function temporaryHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'msb-metrics-'));
  process.on('exit', () => rmSync(home, { recursive: true, force: true }));
  return home;
}
