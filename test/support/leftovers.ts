import { readdirSync } from 'node:fs';

/** Fails a run that leaves a shared-memory object of a registry behind. */
export default function checkForLeftovers(): () => void {
  const before = registries();
  return () => {
    const left = registries().filter((name) => !before.includes(name));
    if (left.length > 0) {
      throw new Error(`left behind in shared memory: ${left.join(', ')}`);
    }
  };
}

function registries(): string[] {
  try {
    return readdirSync('/dev/shm').filter((name) => name.startsWith('msb-met-'));
  } catch {
    return [];
  }
}
