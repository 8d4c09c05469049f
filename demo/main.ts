/**
 * The demo: simulated sandboxes, the real command line and an OTLP receiver, each a process of its own, and the
 * comparison of what was written with what arrived. Ends by itself after 20 s, or on Ctrl-C. Exit status 0 if they
 * agree.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Ledger } from '../test/support/ledger.js';
import { temporaryHome } from '../test/support/temporary-home.js';
import type { ArrivedMessage, ListeningMessage, WrittenMessage } from './messages.js';
import { render, show } from './screen.js';

const SECONDS = 20;
const SANDBOXES = 20;

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const start = (script: string, ...args: string[]): ChildProcess =>
  fork(path(script), args, { execArgv: ['--import', 'tsx'] });

const msbHome = temporaryHome();
const ledger = new Ledger();
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stop.abort());
}
// The terminal may be gone before the demo is.
process.stdout.on('error', () => {});

const receiver = start('receiver.ts');
const [{ port }] = (await once(receiver, 'message')) as [ListeningMessage];
receiver.on('message', (message: ArrivedMessage) => ledger.arrive(message.bytes, message.points));

const sidecar = spawn(
  process.execPath,
  [
    path('../dist/cli.cjs'),
    'otel',
    `--endpoint=http://127.0.0.1:${port}`,
    `--msb-home=${msbHome}`,
    '--collect-interval=250ms',
    '--flush-interval=2s',
    '--log-level=warn',
  ],
  // A group of its own: Ctrl-C is for this program, which then stops the others in their order.
  { stdio: ['ignore', 'ignore', 'inherit'], detached: true },
);

const sidecarExit = new Promise<number | string | null>((resolve) => {
  sidecar.once('exit', (code, signal) => resolve(code ?? signal));
});
void sidecarExit.then(() => stop.abort());

const simulator = start('simulator.ts', msbHome, String(SANDBOXES));
const othersExit = Promise.all([once(simulator, 'exit'), once(receiver, 'exit')]);
simulator.on('message', ({ samples }: WrittenMessage) => {
  for (const { name, sample } of samples) {
    ledger.write(name, sample);
  }
});

for (let left = SECONDS; left > 0 && !stop.signal.aborted; left--) {
  show(render(ledger, 'running', left));
  await setTimeout(1_000, undefined, { signal: stop.signal }).catch(() => {});
}

simulator.send('pause');
// One more tick of the sidecar sees what was written last.
await setTimeout(600);
show(render(ledger, 'SIGTERM to msb-metrics: draining', 0));
sidecar.kill('SIGTERM');
const status = await sidecarExit;
simulator.disconnect();
receiver.disconnect();
await othersExit;

show(render(ledger, `msb-metrics exited with ${status}`, 0));
console.log(
  ledger.agrees
    ? `\nWhat arrived is what was written: ${ledger.arrived} data points, each once, with its own time and value.`
    : `\nWhat arrived differs from what was written: ${ledger.missing} missing, ${ledger.duplicated} twice, ${ledger.wrong} wrong, ${ledger.unknown} alien.`,
);
process.exitCode = ledger.agrees && ledger.written > 0 && status === 0 ? 0 : 1;
