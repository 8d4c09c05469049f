import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { wrapAnsi as wrap } from 'fast-wrap-ansi';
import { describe, expect, it } from 'vitest';
import { ALL_FLAGS, COMMANDS, VARIABLES } from '../../src/cli/flags/table.js';
import { environmentSection, withEnvironment } from '../../src/cli/help.js';
import { VERSION } from '../../src/index.js';
import { cli } from '../support/cli.js';

const names = COMMANDS.map(({ name }) => name);
const README = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');

describe('help', () => {
  it.each([
    [['--help']],
    [['-h']],
    [['help']],
    [['help', 'help']],
    [['--log-level=debug', '-h']],
  ])('of the program comes for %j', async (args) => {
    const { code, stdout, stderr } = await cli(args);
    expect([code, stderr]).toEqual([0, '']);
    for (const name of names) {
      expect(stdout).toContain(`\n    ${name} `);
    }
  });

  it.each([
    [['otel', '--help']],
    [['otel', '-h']],
    [['-h', 'otel']],
    [['help', 'otel']],
    [['otel', '--endpoint=http://localhost:4317', '-h']],
  ])('of a command comes for %j', async (args) => {
    const { code, stdout, stderr } = await cli(args);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Ship the metrics of the running sandboxes over OTLP.');
  });

  it.each(
    names,
  )('of %s tells every flag with its default, its variables and an example, in 80 columns', async (name) => {
    const { stdout } = await cli([name, '--help']);
    const text = stdout.replace(/\s+/gu, ' ');
    const command = COMMANDS.find((each) => each.name === name);
    for (const flag of command?.flags ?? []) {
      expect(text).toContain(`--${flag.name} `);
      expect(text).toContain(flag.description.replace(/\s+/gu, ' '));
      expect(text).toContain(flag.default === undefined ? '' : `(default ${flag.default})`);
      for (const variable of flag.variables ?? []) {
        expect(stdout).toContain(`    ${variable.name}\n`);
      }
    }
    for (const variable of VARIABLES.filter(({ commands }) => commands.includes(name))) {
      expect(stdout).toContain(`    ${variable.name}\n`);
    }
    for (const example of command?.examples ?? []) {
      expect(stdout).toContain(`    $ msb-metrics ${example}\n`);
    }
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('begins a line that goes on where the text of its flag began', async () => {
    const { stdout } = await cli(['otel', '--help']);
    const options = stdout.slice(stdout.indexOf('  Options'), stdout.indexOf('  Environment')).split('\n');
    const columns = options
      .slice(1)
      .filter((line) => line !== '')
      .map((line) => line.search(/(?<=^ {4}\S.* {4}|^ {5,})\S/u));
    expect(new Set(columns).size).toBe(1);
  });

  it('is as wide as the terminal, as far as words go', () => {
    const otel = COMMANDS.find(({ name }) => name === 'otel');
    if (otel === undefined) {
      throw new Error('no command otel');
    }
    for (const width of [40, 60, 120]) {
      const longest = Math.max(
        ...environmentSection(otel, { width, wrap })
          .split('\n')
          .map(({ length }) => length),
      );
      expect(longest).toBeLessThanOrEqual(Math.max(width, 50));
    }
    expect(withEnvironment('no examples here', { about: otel, page: { width: 80, wrap } })).toBe(
      'no examples here',
    );
  });

  it('follows the width of a real terminal', () => {
    const program = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url));
    const wide = execFileSync(
      'script',
      ['-qec', `stty cols 200; ${process.execPath} ${program} otel --help`, '/dev/null'],
      { encoding: 'utf8' },
    );
    const longest = Math.max(...wide.split(/\r?\n/u).map(({ length }) => length));
    expect(longest).toBeGreaterThan(100);
    expect(longest).toBeLessThanOrEqual(200);
  });
});

describe('the version', () => {
  it.each([
    [['--version']],
    [['-V']],
    [['-v']],
    [['otel', '-V']],
    [['-V', 'otel']],
  ])('comes for %j', async (args) => {
    const { code, stdout } = await cli(args);
    expect([code, stdout]).toEqual([0, `msb-metrics, ${VERSION}\n`]);
  });
});

describe('the README', () => {
  /** Rows of the table of flags: names, default, commands. */
  const rows = README.slice(README.indexOf('\n## Flags'), README.indexOf('\n## When the backend'))
    .split('\n')
    .filter((line) => line.startsWith('| `--'))
    .map((line) => line.split('|').map((cell) => cell.trim()));

  it('has every flag, with its default and its commands, and no other', () => {
    const told = rows.flatMap(([, flags, byDefault, commands]) =>
      [...flags.matchAll(/--([a-z-]+)/gu)].map(([, name]) => ({ name, byDefault, commands })),
    );
    expect(told.map(({ name }) => name).sort()).toEqual(ALL_FLAGS.map(({ name }) => name).sort());
    for (const { name, byDefault, commands } of told) {
      const owners = COMMANDS.filter(({ flags }) => flags.some((flag) => flag.name === name));
      const expected =
        owners.length === COMMANDS.length ? 'all' : owners.map((owner) => owner.name).join(', ');
      expect([name, commands]).toEqual([name, expected]);
      for (const owner of owners) {
        const flag = owner.flags.find((each) => each.name === name);
        expect(byDefault, name).toContain(flag?.default === undefined ? '' : `\`${flag.default}\``);
      }
    }
  });

  it('has every variable', () => {
    const variables = [
      ...ALL_FLAGS.flatMap((flag) => (flag.variables ?? []).map(({ name }) => name)),
      ...VARIABLES.map(({ name }) => name),
    ];
    for (const name of variables) {
      const [, short = name] = /^OTEL_EXPORTER_OTLP_(?:METRICS_)?(.*)$/u.exec(name) ?? [];
      const ways = [name, `..._${short}\``, `..._METRICS_${short}\``];
      expect(
        ways.some((written) => README.includes(written)),
        name,
      ).toBe(true);
    }
  });
});
