import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryHome } from '../test/support/temporary-home.js';
import { type Helper, helper } from './processes.js';

const TICKS_A_SECOND = 100;

/** A host with simulated sandboxes, and receivers that accept everything. */
export interface Host {
  readonly msbHome: string;
  /** Endpoints for `--endpoint`. */
  readonly grpc: string;
  readonly http: string;
  readonly receiver: Helper;
  stop(): Promise<void>;
  /** The same, where the receiver has been stopped already. */
  stopRuntime(): Promise<void>;
}

/** Starts a host. */
export async function startHost(
  sandboxes: number,
  {
    intervalMillis = 1_000,
    registries = 1,
    isLabelled = false,
  }: { readonly intervalMillis?: number; readonly registries?: number; readonly isLabelled?: boolean } = {},
): Promise<Host> {
  const msbHome = temporaryHome();
  const runtime = await helper(
    'sandboxes.ts',
    msbHome,
    String(sandboxes),
    String(intervalMillis),
    String(registries),
  );
  const catalog = isLabelled ? await helper('catalog.ts', msbHome, String(sandboxes)) : undefined;
  const receiver = await helper('receiver.ts');
  const { port, httpPort } = receiver.said as { port: number; httpPort: number };
  const stopRuntime = async (): Promise<void> => {
    await catalog?.stop();
    await runtime.stop();
  };
  return {
    msbHome,
    grpc: `http://127.0.0.1:${port}`,
    http: `http://127.0.0.1:${httpPort}/v1/metrics`,
    receiver,
    stop: async () => {
      await receiver.stop();
      await stopRuntime();
    },
    stopRuntime,
  };
}

/** What a process has cost so far. */
export interface Cost {
  /** The most memory that was resident, MB, and the part of it that was its own: without pages of files, which the kernel shares and evicts. */
  readonly peakMb: number;
  readonly privateMb: number;
  readonly cpuSeconds: number;
}

/** What a watched process has cost besides. */
export interface Watched {
  /** Garbage collection, as a part of all its time on a processor, the start included. */
  readonly gcShare: number;
  /** The event loop's delay since it was last asked. */
  readonly loopP99Millis: number;
  readonly loopMaxMillis: number;
}

/** A sidecar that runs. */
export interface Sidecar {
  readonly child: ChildProcess;
  cost(): Cost;
  /** Only of one that is watched. */
  watched(): Promise<Watched>;
  /** Times of its collections, Unix ms; of one whose log level is `debug`. */
  readonly collectedAtMillis: readonly number[];
  /** Ends it, and tells how long that took, ms, and with what status. */
  stop(): Promise<{ readonly millis: number; readonly status: number | null }>;
}

const WATCH = fileURLToPath(new URL('watch.cjs', import.meta.url));

let started = 0;

/** Starts the program of a build, or Node.js with other arguments. */
export function startSidecar(
  root: string | undefined,
  args: readonly string[],
  watchedFor?: 'garbage' | 'loop',
): Sidecar {
  const file = join(temporaryHome(), `watch-${started++}.json`);
  const child = spawn(
    process.execPath,
    [
      ...(watchedFor === undefined ? [] : ['--require', WATCH]),
      ...(root === undefined ? [] : [join(root, 'dist/cli.cjs')]),
      ...args,
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, BENCH_WATCH: file, BENCH_WATCHED: watchedFor },
    },
  );
  const collectedAtMillis: number[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    for (const [, time] of text.matchAll(/^(\S+) DEBUG \S+ collected /gmu)) {
      collectedAtMillis.push(Date.parse(time));
    }
  });
  const pid = child.pid ?? 0;
  return {
    child,
    collectedAtMillis,
    cost: () => costOf(pid),
    watched: async () => {
      rmSync(file, { force: true });
      child.kill('SIGUSR2');
      while (!existsSync(file)) {
        await setTimeout(20);
      }
      const { gcMillis, cpuMillis, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as Record<
        string,
        number
      >;
      return { gcShare: gcMillis / cpuMillis, ...rest } as Watched;
    },
    stop: async () => {
      const exited = once(child, 'exit');
      const begin = performance.now();
      child.kill('SIGTERM');
      const [status] = (await exited) as [number | null];
      return { millis: performance.now() - begin, status };
    },
  };
}

function costOf(pid: number): Cost {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /u, '')
    .split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string): number =>
    (Number(new RegExp(`${name}:\\s+(\\d+) kB`, 'u').exec(status)?.[1]) * 1024) / 1e6;
  const peakMb = megabytes('VmHWM');
  return {
    peakMb,
    // Pages of files are mapped at the start and stay.
    privateMb: peakMb - megabytes('RssFile'),
    cpuSeconds: (Number(stat[11]) + Number(stat[12])) / TICKS_A_SECOND,
  };
}

/** Scrapes a page at an interval, ms, until it is told to stop. */
export function scraping(url: string, intervalMillis: number): { stop(): void } {
  const scrape = (): void => {
    get(url, (response) => response.resume()).on('error', () => {});
  };
  scrape();
  const timer = setInterval(scrape, intervalMillis);
  return { stop: () => clearInterval(timer) };
}

const PEAK = fileURLToPath(new URL('peak.cjs', import.meta.url));

/** The most memory that a command had resident, MB. */
export async function peakOf(args: readonly string[]): Promise<number> {
  const { stderr } = await promisify(execFile)(process.execPath, ['--require', PEAK, ...args]);
  return (Number(stderr.trim().split('\n').at(-1)) * 1024) / 1e6;
}
