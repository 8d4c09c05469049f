import { chmodSync, chownSync, rmdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { registryName } from '../../src/shm/registry-name.js';
import type { SimulatedRegistry } from '../simulator/registry.js';
import { mapForWriting } from '../simulator/shared-memory.js';
import { Cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';
import { CLI, canUnshare, start, until } from './namespaces.js';

const OPERATOR = 61_001;
const ATTACKER = 61_002;

const isRoot = process.getuid?.() === 0;
if (!isRoot) {
  console.log('skipped: registries of other users need root to make');
}

/** A registry with a sandbox in it, of this owner and mode. */
function registryOf(msbHome: string, owner: number, mode = 0o600, abi = 3): SimulatedRegistry {
  const registry = testRegistry({ msbHome, abi });
  registry.sample(registry.start(tenant({ name: `of-${owner}` })), { sampledAtMillis: Date.now() });
  chownSync(`/dev/shm${registry.name}`, owner, owner);
  chmodSync(`/dev/shm${registry.name}`, mode);
  return registry;
}

function homeOf(owner: number): string {
  const msbHome = testHome();
  chmodSync(msbHome, 0o755);
  chownSync(msbHome, owner, owner);
  return msbHome;
}

function stdout(msbHome: string, { uid, args = [] }: { uid?: number; args?: readonly string[] } = {}): Cli {
  return new Cli(
    ['stdout', `--msb-home=${msbHome}`, '--collect-interval=50ms', '--flush-interval=50ms', ...args],
    { env: { HOME: '/' }, ...(uid === undefined ? {} : { uid }) },
  );
}

const warnings = (run: Cli): string[] =>
  run.stderr.split('\n').filter((line) => / (WARN|ERROR) /u.test(line));

describe.skipIf(!isRoot)('a registry of somebody else', () => {
  it.each([
    ['the operator', OPERATOR, OPERATOR],
    ['root', undefined, OPERATOR],
  ])('is not read by %s, who is told once whose it is', async (_, uid, home) => {
    const msbHome = homeOf(home);
    registryOf(msbHome, ATTACKER, 0o666, 2);
    registryOf(msbHome, ATTACKER, 0o644, 3);
    const run = stdout(msbHome, uid === undefined ? {} : { uid });
    await eventually(() => run.stdout.split('(no active sandboxes)').length > 5);
    await run.stop();
    expect(run.stdout).not.toContain('sandbox=');
    expect(warnings(run)).toHaveLength(2);
    for (const warning of warnings(run)) {
      expect(warning).toMatch(/is not read: it belongs to uid 61002, expected uid 61001/u);
    }
  });

  it("is not read beside the operator's own, which is", async () => {
    const msbHome = homeOf(OPERATOR);
    registryOf(msbHome, ATTACKER, 0o644, 1);
    registryOf(msbHome, OPERATOR, 0o600, 3);
    for (const options of [{ uid: OPERATOR }, {}]) {
      const run = stdout(msbHome, options);
      await eventually(() => run.stdout.includes(`sandbox=of-${OPERATOR}`));
      await run.stop();
      expect(run.stdout).not.toContain(`of-${ATTACKER}`);
    }
  });

  it('of an ABI that is not known is not taken for a newer msb', async () => {
    const msbHome = homeOf(OPERATOR);
    const name = registryName(msbHome, 5);
    mapForWriting(name, 4_096).unmap();
    chownSync(`/dev/shm${name}`, ATTACKER, ATTACKER);
    chmodSync(`/dev/shm${name}`, 0o644);
    const run = stdout(msbHome, { uid: OPERATOR });
    await eventually(() => warnings(run).length > 0);
    expect(warnings(run)[0]).toContain('belongs to uid 61002');
    expect(run.stderr).not.toContain('upgrade msb-metrics');
  });

  it('of an ABI that is not known, and not to be opened, is told, and that there is no registry', async () => {
    const msbHome = homeOf(OPERATOR);
    const name = registryName(msbHome, 5);
    mapForWriting(name, 4_096).unmap();
    chownSync(`/dev/shm${name}`, ATTACKER, ATTACKER);
    const run = stdout(msbHome, { uid: OPERATOR });
    await eventually(() => warnings(run).length > 1);
    expect(warnings(run)[0]).toMatch(/ WARN .*EACCES.*who does not own the MSB_HOME/u);
    expect(warnings(run)[1]).toContain('no registry for this MSB_HOME');
    expect(run.stderr).not.toContain('upgrade msb-metrics');
  });

  it('that may not be opened is no reason to run as its owner', async () => {
    const msbHome = homeOf(OPERATOR);
    registryOf(msbHome, ATTACKER, 0o600);
    const run = stdout(msbHome, { uid: OPERATOR });
    await eventually(() => run.stderr.includes('EACCES'));
    expect(run.stderr).not.toContain('sudo -u');
    expect(run.stderr).toContain('who does not own the MSB_HOME');
  });
});

describe.skipIf(!isRoot)('a registry that others may write to', () => {
  it.each([0o620, 0o602, 0o666])('is not read, with the mode %o', async (mode) => {
    const msbHome = homeOf(OPERATOR);
    registryOf(msbHome, OPERATOR, mode);
    const run = stdout(msbHome, { uid: OPERATOR });
    await eventually(() => warnings(run).length > 0);
    expect(warnings(run)[0]).toContain(`may write to it (mode ${mode.toString(8)}), expected 600`);
    expect(run.stdout).not.toContain('sandbox=');
  });
});

describe.skipIf(!isRoot)('root, where the MSB_HOME cannot be seen', () => {
  it('reads nothing until --registry-owner names the user, by number or name', async () => {
    const msbHome = homeOf(OPERATOR);
    rmdirSync(msbHome);
    registryOf(msbHome, OPERATOR);
    const refused = stdout(msbHome);
    await eventually(() => warnings(refused).length > 0);
    expect(warnings(refused)[0]).toContain('--registry-owner');
    expect(refused.stdout).not.toContain('sandbox=');
    const named = stdout(msbHome, { args: [`--registry-owner=${OPERATOR}`] });
    await eventually(() => named.stdout.includes(`sandbox=of-${OPERATOR}`));
    const other = stdout(msbHome, { args: ['--registry-owner=nobody'] });
    await eventually(() => warnings(other).length > 0);
    expect(warnings(other)[0]).toContain('expected nobody');
  });
});

describe.skipIf(!isRoot || !canUnshare('--user', '--map-root-user'))('in a user namespace', () => {
  it('the user that stands for all others is trusted neither as owner of MSB_HOME nor of a registry', async () => {
    const msbHome = homeOf(OPERATOR);
    registryOf(msbHome, ATTACKER, 0o644);
    const run = start('unshare', [
      '--user',
      '--map-root-user',
      '--kill-child',
      '--fork',
      process.execPath,
      CLI,
      'stdout',
      `--msb-home=${msbHome}`,
      '--collect-interval=50ms',
      '--flush-interval=50ms',
    ]);
    onTestFinished(async () => {
      run.child.kill('SIGKILL');
      await run.exit;
    });
    await until(() => run.output().split('(no active sandboxes)').length > 5, 'readings');
    expect(run.output()).toContain('is not read');
    expect(run.output()).not.toContain('sandbox=');
  });
});

describe.skipIf(!isRoot)('a user without HOME and without an entry in passwd', () => {
  it('is asked for --msb-home', async () => {
    const run = new Cli(['stdout'], { env: { HOME: '' }, uid: OPERATOR });
    expect((await run.exit).code).toBe(2);
    expect(run.stderr).toMatch(/^error: --msb-home: missing, and this user has no home: expected .*\n$/u);
  });
});
