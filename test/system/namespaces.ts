import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Path of the built command line. */
export const CLI = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url));

/** Whether this process may make namespaces of this kind; says so where it may not. */
export function canUnshare(...flags: readonly string[]): boolean {
  try {
    execFileSync('unshare', [...flags, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    console.log(`skipped: unshare ${flags.join(' ')} is not permitted here (needs root on Linux)`);
    return false;
  }
}

/**
 * Runs a script of this folder in namespaces of its own and gives the JSON that it prints.
 *
 * @param setup shell commands that are run in the namespaces before it
 */
export async function inNamespaces<T>(
  flags: readonly string[],
  setup: string,
  script: string,
  args: readonly string[],
): Promise<T> {
  const { stdout } = await promisify(execFile)(
    'unshare',
    [...flags, 'sh', '-c', `set -e; ${setup}; exec "$@"`, 'sh', ...nodeCommand(script, args)],
    { env: { PATH: process.env.PATH, HOME: process.env.HOME } },
  );
  return JSON.parse(stdout) as T;
}

const nodeCommand = (script: string, args: readonly string[]): string[] => [
  process.execPath,
  '--import',
  'tsx',
  fileURLToPath(new URL(script, import.meta.url)),
  ...args,
];

/** A command line under test, with what it has written so far. */
export interface Running {
  readonly child: ChildProcess;
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  output(): string;
}

/** Starts a command, which ends with this process at the latest. */
export function start(command: string, args: readonly string[]): Running {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, HOSTNAME: 'test-host' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return {
    child,
    exit: new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal }))),
    output: () => output,
  };
}

/** Waits until a condition holds; fails after a minute. */
export async function until(condition: () => boolean, what = 'a condition'): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 3_000) {
      throw new Error(`waited a minute for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
