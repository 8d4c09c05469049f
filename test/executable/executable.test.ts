import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { VERSION } from '../../src/version.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

const path = (name: string): string => fileURLToPath(new URL(`../../build/${name}`, import.meta.url));
const OWN = path(`msb-metrics-linux-${process.arch}`);

function homeWithSandbox(): string {
  const msbHome = testHome();
  const registry = testRegistry({ msbHome });
  registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
  return msbHome;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'msb-metrics-folder-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('the executable', () => {
  it('runs where there is no Node.js, and leaves nothing behind', () => {
    const folder = temporaryFolder();
    const { status, stdout } = spawnSync(
      OWN,
      ['stdout', '--once', '--no-labels', `--msb-home=${homeWithSandbox()}`],
      {
        encoding: 'utf8',
        env: { PATH: '/nonexistent', TMPDIR: folder },
      },
    );
    expect([status, stdout]).toEqual([0, expect.stringContaining('sandbox=devbox')]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('has SQLite inside: labels need no package', () => {
    const { stdout } = spawnSync(OWN, ['check', `--msb-home=${homeWithSandbox()}`], { encoding: 'utf8' });
    expect(stdout).toContain(`ok   versions: msb-metrics ${VERSION}, Node.js 24.`);
    expect(stdout).toMatch(/^warn catalog: .*is not there/mu);
  });

  it('finds another folder where the first one cannot be written to', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'closed'));
    chmodSync(join(folder, 'closed'), 0o500);
    const { stdout } = spawnSync(OWN, ['stdout', '--once', `--msb-home=${homeWithSandbox()}`], {
      encoding: 'utf8',
      env: { TMPDIR: join(folder, 'missing') },
    });
    expect(stdout).toContain('sandbox=devbox');
  });

  it('comes with the licences of what is inside', () => {
    const licenses = readFileSync(path('LICENSES.txt'), 'utf8');
    for (const name of ['Node.js 24.', 'koffi ', 'rxjs ', '@grpc/grpc-js ', 'protobufjs ']) {
      expect(licenses).toMatch(new RegExp(`^${name.replace('.', '\\.')}`, 'mu'));
    }
  });
});

const QEMU = ['qemu-aarch64', 'qemu-aarch64-static'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
const isForeign = process.arch === 'x64';
if (isForeign && QEMU === undefined) {
  console.warn(
    'qemu-aarch64 is missing (apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross): the executable for arm64 is not run',
  );
}

describe.runIf(isForeign && QEMU !== undefined)('the executable for arm64, on an emulated processor', () => {
  const run = (...args: string[]) =>
    spawnSync(QEMU ?? '', ['-L', '/usr/aarch64-linux-gnu', path('msb-metrics-linux-arm64'), ...args], {
      encoding: 'utf8',
    });

  it('prints its version', () => {
    expect(run('--version').stdout).toBe(`msb-metrics, ${VERSION}\n`);
  });

  it('reads a registry', () => {
    const { stdout } = run('stdout', '--once', '--no-labels', `--msb-home=${homeWithSandbox()}`);
    expect(stdout).toContain('sandbox=devbox');
  });
});
