import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const CLI = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url));

/** The program that is tested: the one that was built, or another one, as the one executable is. */
const { MSB_METRICS_PROGRAM: other } = process.env;
const PROGRAM = other === undefined ? [process.execPath, CLI] : [other];

/** The command line as a process of its own, in an environment without any of this one's settings. */
export class Cli {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(args: readonly string[], options: { env?: Record<string, string>; uid?: number } = {}) {
    const { PATH = '', HOME = '' } = process.env;
    const [program, ...first] = PROGRAM;
    this.child = spawn(program, [...first, ...args], {
      env: { PATH, HOME, HOSTNAME: 'test-host', ...options.env },
      ...(options.uid === undefined ? {} : { uid: options.uid }),
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exit = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve({ code, signal }));
    });
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.exit;
    });
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return (await this.exit).code;
  }
}

/** Runs the command line to its end. */
export async function cli(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const run = new Cli(args, { env });
  const { code } = await run.exit;
  return { code, stdout: run.stdout, stderr: run.stderr };
}
