import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

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
export interface Helper {
  readonly child: ChildProcess;
  readonly said: unknown;
  stop(): Promise<void>;
}

/** Starts a helper process. */
export async function helper(script: string, ...args: string[]): Promise<Helper> {
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

/** Runs a command to its end, or to the first line on stderr that has a text. */
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
