import { setTimeout } from 'node:timers/promises';

/** Waits until `check` gives something truthy, for 30 s at most, and gives that. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  what = 'the condition',
): Promise<NonNullable<T>> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = await check();
    if (value) {
      return value;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} did not come about within 30 s`);
    }
    await setTimeout(20);
  }
}
