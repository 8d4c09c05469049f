import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { completionScript } from '../../src/cli/completion/script.js';
import { COMMANDS, SHELLS, VARIABLES } from '../../src/cli/flags/table.js';
import { manualPage } from '../../src/cli/man.js';
import { cli } from '../support/cli.js';

/** What bash offers for a line, whose last word is being typed. */
function offered(...words: string[]): string[] {
  const script = `${completionScript('bash')}
COMP_WORDS=(msb-metrics "$@"); COMP_CWORD=$#
_msb_metrics
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
    .split('\n')
    .filter((word) => word !== '');
}

describe('completion', () => {
  it.each(SHELLS)('prints a script for %s', async (shell) => {
    const { code, stdout, stderr } = await cli(['completion', shell]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`${completionScript(shell)}\n`);
  });

  it.each(SHELLS)('for %s has every command and every flag', (shell) => {
    const script = completionScript(shell);
    for (const { name, flags } of COMMANDS) {
      expect(script).toContain(name);
      for (const flag of flags) {
        expect(script).toMatch(new RegExp(`(--|-l )${flag.name}\\b`, 'u'));
      }
    }
  });

  it('in bash offers commands, flags of the command, and their values', () => {
    expect(offered('')).toEqual(
      expect.arrayContaining(['stdout', 'otel', 'check', 'completion', 'help', '--log-level']),
    );
    expect(offered('o')).toEqual(['otel']);
    expect(offered('otel', '--end')).toEqual(['--endpoint']);
    expect(offered('stdout', '--end')).toEqual([]);
    expect(offered('otel', '--protocol', 'g')).toEqual(['grpc']);
    expect(offered('otel', '--protocol', '=', 'http')).toEqual(['http', 'http/protobuf']);
    expect(offered('otel', '--compression', '=')).toEqual(['none', 'gzip']);
    expect(offered('--log-level', 'w')).toEqual(['warn']);
    expect(offered('otel', '--endpoint', 'h')).toEqual([]);
    expect(offered('completion', 'z')).toEqual(['zsh']);
    expect(offered('check', '--ca-cert', '/etc/passw')).toContain('/etc/passwd');
    expect(offered('stdout', '--msb-home', '/et')).toContain('/etc');
    expect(offered('stdout', '--registry-owner', 'roo')).toContain('root');
  });
});

describe('the manual page', () => {
  it('is what the build has written, and has every command, flag and variable', () => {
    const page = manualPage();
    expect(readFileSync(fileURLToPath(new URL('../../man/msb-metrics.1', import.meta.url)), 'utf8')).toBe(
      page,
    );
    const text = page.replaceAll('\\-', '-');
    for (const { name, flags } of COMMANDS) {
      expect(text).toContain(`.SH COMMAND ${name.toUpperCase()}`);
      for (const flag of flags) {
        expect(text).toContain(`--${flag.name}`);
        for (const variable of flag.variables ?? []) {
          expect(text).toContain(variable.name);
        }
      }
    }
    for (const { name } of VARIABLES) {
      expect(text).toContain(name);
    }
  });
});
