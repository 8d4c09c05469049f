import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { canUnshare } from './namespaces.js';

describe.runIf(canUnshare('--mount'))('a spool on a file system that is full', () => {
  it('goes on in memory, says so once, and writes again when there is room', () => {
    const script = fileURLToPath(new URL('full-disk.ts', import.meta.url));
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      [
        '--mount',
        'sh',
        '-c',
        `mkdir -p /tmp/msb-metrics-full && mount -t tmpfs -o size=64k,mode=0700 none /tmp/msb-metrics-full && exec ${process.execPath} --import tsx ${script} /tmp/msb-metrics-full`,
      ],
      { encoding: 'utf8', cwd: fileURLToPath(new URL('../..', import.meta.url)) },
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({ failures: true, recovered: true, missing: 0, exit: 0 });
  });
});
