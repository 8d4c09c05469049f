import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testHome } from '../support/home.js';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0;

const hasAnalyze = has('systemd-analyze');
const hasStrace = has('strace');
if (!hasAnalyze || !hasStrace) {
  console.warn(
    'systemd-analyze or strace is missing (apt-get install systemd strace): units are not looked at',
  );
}

/** A copy of deploy/systemd whose program is the one that was built. */
function units(): string {
  const folder = mkdtempSync(join(tmpdir(), 'msb-metrics-units-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(path('deploy/systemd'), folder, { recursive: true });
  for (const unit of ['msb-metrics.service', 'msb-metrics@.service', 'user/msb-metrics.service']) {
    const file = join(folder, unit);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('/usr/local/bin/msb-metrics', path('dist/cli.cjs')));
  }
  return folder;
}

const analyze = (args: readonly string[], cwd: string) =>
  spawnSync('systemd-analyze', args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, XDG_RUNTIME_DIR: cwd },
  });

describe.runIf(hasAnalyze)('systemd-analyze', () => {
  it.each([
    ['msb-metrics.service', []],
    ['msb-metrics@alice.service', []],
    ['user/msb-metrics.service', ['--user']],
  ])('has nothing to say about %s', (unit, flags) => {
    const { status, stdout, stderr } = analyze(['verify', ...flags, `./${unit}`], units());
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  it('does say something about a unit that is wrong', () => {
    const folder = units();
    const file = join(folder, 'msb-metrics.service');
    writeFileSync(file, readFileSync(file, 'utf8').replace('NoNewPrivileges=', 'NoNewPrivilegs='));
    expect(analyze(['verify', './msb-metrics.service'], folder).stderr).toContain(
      "Unknown key 'NoNewPrivilegs'",
    );
  });

  it.each(['msb-metrics.service', 'msb-metrics@alice.service'])('finds little exposure in %s', (unit) => {
    const { stdout } = analyze(['security', '--offline=true', '--no-pager', `./${unit}`], units());
    const [, exposure] = /Overall exposure level for \S+: (\d+\.\d)/u.exec(stdout) ?? [];
    console.log(`${unit}: exposure ${exposure}`);
    expect(Number(exposure)).toBeLessThanOrEqual(3);
  });
});

/** The system calls of sets of systemd, such as `@system-service`. */
function callsOf(names: readonly string[]): Set<string> {
  const text = execFileSync('systemd-analyze', ['syscall-filter', '--no-pager'], { encoding: 'utf8' });
  const sets = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const word = line.trim();
    if (line.startsWith('@')) {
      current = [];
      sets.set(word, current);
    } else if (word !== '' && !word.startsWith('#')) {
      current.push(word);
    }
  }
  const expand = (word: string): readonly string[] =>
    word.startsWith('@') ? (sets.get(word) ?? []).flatMap(expand) : [word];
  return new Set(names.flatMap(expand));
}

describe.runIf(hasAnalyze && hasStrace)('the filter of system calls', () => {
  it('lets everything pass that the program does', () => {
    const trace = join(units(), 'trace');
    spawnSync(
      'timeout',
      [
        ...[
          '--signal=TERM',
          '5',
          'strace',
          '-f',
          '-qq',
          '-o',
          trace,
          process.execPath,
          path('dist/cli.cjs'),
          'otel',
        ],
        ...['--endpoint=http://127.0.0.1:9', '--health-listen=127.0.0.1:0', `--msb-home=${testHome()}`],
        ...['--flush-interval=200ms', '--export-timeout=500ms'],
      ],
      { env: { ...process.env, NOTIFY_SOCKET: '/nonexistent' } },
    );
    const used = new Set(
      [...readFileSync(trace, 'utf8').matchAll(/^\d+ +(\w+)\(/gmu)].map(([, call]) => call),
    );
    expect(used.size).toBeGreaterThan(30);
    const allowed = callsOf(['@default', '@system-service']);
    const denied = callsOf(['@privileged', '@resources']);
    // V8 asks for memory protection keys, and goes without where there are none.
    const missing = [...used].filter((call) => !allowed.has(call) || denied.has(call));
    expect(missing.filter((call) => call !== 'pkey_alloc')).toEqual([]);
  });
});
