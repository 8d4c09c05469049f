import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { tenant, testHome, testRegistry } from '../support/home.js';
import { CLI, start, until } from './namespaces.js';

const directory = mkdtempSync(join(tmpdir(), 'msb-metrics-debian-11-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Debian 11's C library in a folder, by apt; `undefined`, said aloud, where it cannot be had. */
function oldCLibrary(): string | undefined {
  const root = join(directory, 'root');
  try {
    for (const folder of ['etc', 'state/lists/partial', 'cache/archives/partial', 'debs']) {
      mkdirSync(join(directory, folder), { recursive: true });
    }
    const sources = join(directory, 'etc/sources.list');
    writeFileSync(
      sources,
      'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bullseye main\n',
    );
    const apt = (...args: string[]) =>
      execFileSync(
        'apt-get',
        [
          ...[`Dir::Etc::sourcelist=${sources}`, 'Dir::Etc::sourceparts=/dev/null'].flatMap((o) => ['-o', o]),
          ...[`Dir::State=${directory}/state`, 'Dir::State::status=/dev/null'].flatMap((o) => ['-o', o]),
          ...['-o', `Dir::Cache=${directory}/cache`, '-o', 'APT::Sandbox::User=root'],
          ...args,
        ],
        { cwd: join(directory, 'debs'), stdio: 'ignore', timeout: 120_000 },
      );
    apt('update');
    apt('download', 'libc6', 'libstdc++6', 'libgcc-s1');
    for (const deb of readdirSync(join(directory, 'debs'))) {
      execFileSync('dpkg-deb', ['-x', join(directory, 'debs', deb), root], { stdio: 'ignore' });
    }
    return root;
  } catch (error) {
    console.log(
      `skipped: Debian 11's C library cannot be had here: ${(error as Error).message.split('\n')[0]}`,
    );
    return undefined;
  }
}

const isDebianX64 = process.platform === 'linux' && process.arch === 'x64';
const root = isDebianX64 ? oldCLibrary() : undefined;

describe.skipIf(root === undefined)('on glibc 2.31, which has shm_open in librt.so.1', () => {
  const node = (...args: string[]) => {
    const libraries = [`${root}/lib/x86_64-linux-gnu`, `${root}/usr/lib/x86_64-linux-gnu`];
    const run = start(`${root}/lib/x86_64-linux-gnu/ld-2.31.so`, [
      '--library-path',
      libraries.join(':'),
      process.execPath,
      ...args,
    ]);
    onTestFinished(() => {
      run.child.kill('SIGKILL');
    });
    return run;
  };

  it('the registry is read', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const run = node(
      CLI,
      'stdout',
      `--msb-home=${msbHome}`,
      '--collect-interval=50ms',
      '--flush-interval=50ms',
    );
    await until(() => run.output().includes('sandbox=devbox'), 'a line');
    run.child.kill('SIGTERM');
    expect(await run.exit).toEqual({ code: 0, signal: null });
  });

  it('without librt.so.1 the program says at once what is missing, and ends with 1', async () => {
    rmSync(`${root}/lib/x86_64-linux-gnu/librt.so.1`);
    const run = node(CLI, 'stdout', '--msb-home=/x');
    expect((await run.exit).code).toBe(1);
    expect(run.output()).toMatch(/^error: the C library has no shm_open, and there is no librt\.so\.1.*\n$/u);
  });
});
