import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseCommandLine } from '../../src/cli/flags/command-line.js';
import { readCollectOptions } from '../../src/cli/options/collect-options.js';
import { OptionReader } from '../../src/cli/options/option-reader.js';
import { type Receiver, startGrpcReceiver, startHttpReceiver } from '../receiver/receiver.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENTS = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

/** Arguments of every command line of the program: lines of shell blocks, and code in the text. */
const commandLines: readonly (readonly string[])[] = [
  ...new Set(
    DOCUMENTS.flatMap((document) => {
      const text = readFileSync(join(ROOT, document), 'utf8');
      const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gmsu)].flatMap(([, block]) =>
        block.replaceAll('\\\n', ' ').split('\n'),
      );
      const inline = [...text.matchAll(/`([^`\n]+)`/gu)].map(([, code]) => code);
      return [...blocks, ...inline].flatMap(
        (line) =>
          /^(?:[A-Z_]+=\S+ )*(?:msb-metrics|node dist\/cli\.js) ([^#<>|&]*)/u.exec(line)?.[1].trim() ?? [],
      );
    }),
  ),
].map((line) => line.split(/\s+/u).filter((word) => word !== '...'));

const isRun = (args: readonly string[]): boolean =>
  args.length > 0 &&
  // It needs a directory of its own: test/cli/spool.test.ts.
  args[0] !== 'spool' &&
  args.every((arg) => !arg.includes('/etc/') && (!/^--endpoint=/u.test(arg) || arg.includes('//localhost:')));

describe('the command lines in the documents', () => {
  it('are found', () => {
    expect(commandLines.length).toBeGreaterThanOrEqual(8);
    expect(commandLines).toContainEqual(['otel', '--endpoint=http://localhost:4317']);
  });

  it.each(commandLines.map((args) => [args.join(' '), args] as const))('msb-metrics %s is one', (_, args) => {
    const line = parseCommandLine(args);
    expect(line.command ?? line.help).toBeTruthy();
    if (line.command !== undefined && line.argument === undefined && !line.help) {
      readCollectOptions(new OptionReader(line, {}));
    }
  });

  it.each(
    commandLines.filter(isRun).map((args) => [args.join(' '), args] as const),
  )('msb-metrics %s works', async (_, args) => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const receiver = await receiverFor(args);
    // The documents name the usual ports, which may be taken here.
    const healthy = args.some((arg) => arg.startsWith('--health=')) ? await healthyProcess(msbHome) : '';
    const here = args.map((arg) =>
      arg
        .replace(/localhost:\d+/u, `localhost:${receiver?.port}`)
        .replace(/^--health-listen=.*/u, '--health-listen=127.0.0.1:0')
        .replace(/^--health=http:\/\/127.0.0.1:9465/u, `--health=${healthy}`),
    );
    const run = new Cli(here, { env: { MSB_HOME: msbHome, OTEL_METRIC_EXPORT_INTERVAL: '200' } });
    if (args[0] === 'otel' && !args.includes('--help')) {
      await eventually(() => (receiver?.accepted.length ?? 0) > 0);
      expect(await run.stop()).toBe(0);
    } else if (args.length === 1 && args[0] === 'stdout') {
      await eventually(() => run.stdout.includes('sandbox=devbox'));
      expect(await run.stop()).toBe(0);
    } else if (args[0] === 'prometheus') {
      await eventually(() => run.stderr.includes('serving') || run.stderr.includes('EADDRINUSE'));
      await run.stop();
    } else {
      expect(await run.exit).toMatchObject({ code: 0 });
      expect(run.stdout).not.toBe('');
    }
  });
});

/** The origin of the health page of a process that is well. */
async function healthyProcess(msbHome: string): Promise<string> {
  const run = new Cli(['otel', '--endpoint=http://127.0.0.1:9', '--health-listen=127.0.0.1:0'], {
    env: { MSB_HOME: msbHome },
  });
  const origin = await eventually(() => /health: serving url=(\S+)/u.exec(run.stderr)?.[1]);
  await eventually(async () => (await fetch(`${origin}/readyz`)).ok);
  return origin;
}

async function receiverFor(args: readonly string[]): Promise<Receiver | undefined> {
  if (!args.some((arg) => arg.includes('localhost'))) {
    return undefined;
  }
  const receiver = await (args.includes('--protocol=http') ? startHttpReceiver() : startGrpcReceiver());
  onTestFinished(() => receiver.close());
  return receiver;
}
