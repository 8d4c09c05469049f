import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const TICKS = Number(process.env.SOAK_TICKS ?? '4000');
const SANDBOXES = Number(process.env.SOAK_SANDBOXES ?? '20');

describe(`${TICKS} ticks of ${SANDBOXES} sandboxes with failures mixed in`, () => {
  it('end with heap, handles, sockets and timers where they were', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        '--expose-gc',
        '--import',
        'tsx',
        fileURLToPath(new URL('soak.ts', import.meta.url)),
        String(TICKS),
        String(SANDBOXES),
      ],
      { timeout: 3_600_000 },
    );
    const { counts, slopeKiBAThousandTicks, first, middle, last, after } = JSON.parse(stdout);
    console.log(
      `heap ${first.heapKiB} -> ${middle.heapKiB} -> ${last.heapKiB} KiB, slope ${slopeKiBAThousandTicks} KiB a thousand ticks; handles ${JSON.stringify(last.resources)}, at the end ${JSON.stringify(after)}; events ${JSON.stringify(counts)}`,
    );
    expect(counts.failed).toBeGreaterThan(TICKS / 200);
    // What is compiled and cached on the way is some 2 MiB, and a collection or two are in use. A leak of one collection a flush
    // of 20 sandboxes would be 240 KiB every thousand ticks: 24 MiB in the long form.
    const collectionKiB = (SANDBOXES * 125) / 1_024;
    expect(last.heapKiB - first.heapKiB).toBeLessThan(4_096 + 3 * collectionKiB);
    const sockets = (resources: Record<string, number>): number =>
      (resources.TCPSocketWrap ?? 0) + (resources.TCPWRAP ?? 0);
    expect(sockets(last.resources)).toBeLessThanOrEqual(Math.max(8, sockets(first.resources)));
    expect(last.resources.Timeout ?? 0).toBeLessThanOrEqual((first.resources.Timeout ?? 0) + 4);
    expect(after).not.toHaveProperty('TCPSocketWrap');
  }, 3_600_000);
});
