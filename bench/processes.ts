import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryHome } from '../test/support/temporary-home.js';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const TICKS_A_SECOND = 100;

/** Runs one measurement on the build in a folder. */
export async function measure(
  what: string,
  root: string,
  argument: string | number = '',
): Promise<Record<string, number>> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    '--import',
    'tsx',
    path('measure.ts'),
    what,
    root,
    String(argument),
  ]);
  return JSON.parse(stdout) as Record<string, number>;
}

/** A helper process, ready, with what it said first. */
export async function helper(
  script: string,
  ...args: string[]
): Promise<{ child: ChildProcess; said: unknown; stop(): Promise<void> }> {
  const child = fork(path(script), args, { execArgv: ['--import', 'tsx'] });
  const [said] = await once(child, 'message');
  return {
    child,
    said,
    stop: async () => {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

/** CPU seconds that a process has used, and the most memory that it has had resident, MB. */
function usage(pid: number): { cpuSeconds: number; peakMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /u, '')
    .split(' ');
  const peak = /VmHWM:\s+(\d+) kB/u.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    cpuSeconds: (Number(stat[11]) + Number(stat[12])) / TICKS_A_SECOND,
    peakMb: (Number(peak) * 1024) / 1e6,
  };
}

/** The command line of a build, as a process. */
export function sidecar(root: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(root, 'dist/cli.js'), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** What running costs with some sandboxes and the defaults: CPU seconds a minute after a warm-up, peak memory, MB. */
export async function costAtRest(root: string, sandboxes: number, warmUpSeconds: number, seconds: number) {
  const msbHome = temporaryHome();
  const runtime = await helper('sandboxes.ts', msbHome, String(sandboxes), '1000');
  const receiver = await helper('receiver.ts');
  const { port } = receiver.said as { port: number };
  const child = sidecar(root, ['otel', `--endpoint=http://127.0.0.1:${port}`, `--msb-home=${msbHome}`]);
  await setTimeout(warmUpSeconds * 1_000);
  const before = usage(child.pid ?? 0);
  await setTimeout(seconds * 1_000);
  const after = usage(child.pid ?? 0);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
  await runtime.stop();
  await receiver.stop();
  return { cpuSecondsAMinute: ((after.cpuSeconds - before.cpuSeconds) / seconds) * 60, peakMb: after.peakMb };
}

/**
 * How much more the peak memory of the program is with five labels on each sandbox than without any, MB: the mean of pairs that
 * run at once, because a peak depends on when the garbage collector comes.
 */
export async function costOfLabels(root: string, sandboxes: number, pairs: number, seconds: number) {
  const msbHome = temporaryHome();
  const runtime = await helper('sandboxes.ts', msbHome, String(sandboxes), '1000');
  const catalog = await helper('catalog.ts', msbHome, String(sandboxes));
  const receiver = await helper('receiver.ts');
  const { port } = receiver.said as { port: number };
  const peak = async (...more: string[]): Promise<number> => {
    const child = sidecar(root, [
      'otel',
      `--endpoint=http://127.0.0.1:${port}`,
      `--msb-home=${msbHome}`,
      ...more,
    ]);
    await setTimeout(seconds * 1_000);
    const { peakMb } = usage(child.pid ?? 0);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
    return peakMb;
  };
  const differences = await Promise.all(
    Array.from({ length: pairs }, async () => {
      const [labelled, none] = await Promise.all([peak(), peak('--no-labels')]);
      return labelled - none;
    }),
  );
  await catalog.stop();
  await runtime.stop();
  await receiver.stop();
  return { megabytes: differences.reduce((sum, each) => sum + each, 0) / pairs };
}

/** Peak memory when a full buffer of 60 collections goes out after an outage, MB. Time runs ten times as fast. */
export async function costOfOutage(root: string, sandboxes: number): Promise<{ peakMb: number }> {
  const msbHome = temporaryHome();
  const runtime = await helper('sandboxes.ts', msbHome, String(sandboxes), '100');
  const probe = await helper('receiver.ts');
  const { port } = probe.said as { port: number };
  await probe.stop();
  const child = sidecar(root, [
    'otel',
    `--endpoint=http://127.0.0.1:${port}`,
    `--msb-home=${msbHome}`,
    '--collect-interval=100ms',
    '--flush-interval=1s',
  ]);
  await setTimeout(9_000);
  const receiver = await helper('receiver.ts', String(port));
  let requests = 0;
  receiver.child.on('message', () => requests++);
  while (requests < 5) {
    await setTimeout(200);
  }
  await setTimeout(2_000);
  const { peakMb } = usage(child.pid ?? 0);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
  await runtime.stop();
  await receiver.stop();
  return { peakMb };
}

/** Wall milliseconds of a command, to its end or to the first line on stderr that has a text. */
export async function wallMillis(
  args: readonly string[],
  until?: string,
  program = process.execPath,
): Promise<number> {
  const start = process.hrtime.bigint();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  let end: bigint | undefined;
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (until !== undefined && end === undefined && stderr.includes(until)) {
      end = process.hrtime.bigint();
      child.kill('SIGKILL');
    }
  });
  await exited;
  return Number((end ?? process.hrtime.bigint()) - start) / 1e6;
}
