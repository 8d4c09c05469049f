import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Fails a run that leaves a registry of one of its own MSB_HOMEs behind; those of others that run beside it are theirs.
 * The tests write the hashes of their homes into the file that `MSB_METRICS_TEST_HOMES` names.
 */
export default function checkForLeftovers(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'msb-metrics-homes-'));
  const file = join(directory, 'homes');
  writeFileSync(file, '');
  process.env.MSB_METRICS_TEST_HOMES = file;
  return () => {
    const ours = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    rmSync(directory, { recursive: true });
    const left = sharedMemory().filter((name) => ours.some((prefix) => name.startsWith(prefix)));
    if (left.length > 0) {
      throw new Error(`left behind in shared memory: ${left.join(', ')}`);
    }
  };
}

function sharedMemory(): string[] {
  try {
    return readdirSync('/dev/shm');
  } catch {
    return [];
  }
}
