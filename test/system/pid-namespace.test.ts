import { spawn } from 'node:child_process';
import { describe, it, onTestFinished } from 'vitest';
import { tenant, testHome, testRegistry } from '../support/home.js';
import { CLI, canUnshare, start, until } from './namespaces.js';

const FLAGS = ['--pid', '--fork', '--mount-proc'];

describe.skipIf(!canUnshare(...FLAGS))('in a PID namespace of its own, as in a container', () => {
  it('a sandbox is reported from the second reading on, and goes when its sample has stood still for 5 s', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    const runtime = spawn('sleep', ['100']);
    onTestFinished(() => {
      runtime.kill('SIGKILL');
    });
    const slot = registry.start(tenant({ pid: runtime.pid ?? 0 }));
    let isSampling = true;
    const sampling = setInterval(() => {
      if (isSampling) {
        registry.sample(slot, { sampledAtMillis: Date.now() });
      }
    }, 20);
    onTestFinished(() => clearInterval(sampling));
    registry.sample(slot, { sampledAtMillis: Date.now() });
    const run = start('unshare', [
      ...FLAGS,
      '--kill-child',
      process.execPath,
      CLI,
      'stdout',
      `--msb-home=${msbHome}`,
      '--collect-interval=100ms',
      '--flush-interval=100ms',
    ]);
    onTestFinished(async () => {
      run.child.kill('SIGKILL');
      await run.exit;
    });
    await until(() => run.output().includes('sandbox=devbox'), 'the sandbox');
    isSampling = false;
    const before = run.output().length;
    await until(() => run.output().slice(before).includes('(no active sandboxes)'), 'its end');
    isSampling = true;
    const after = run.output().length;
    await until(() => run.output().slice(after).includes('sandbox=devbox'), 'its return');
  });
});
