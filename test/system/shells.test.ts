import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { completionScript } from '../../src/cli/completion/script.js';
import { CLI } from './namespaces.js';

const folder = mkdtempSync(join(tmpdir(), 'msb-metrics-shells-'));
afterAll(() => rmSync(folder, { recursive: true }));

function isThere(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.log(`skipped: ${program} is not installed here (apt-get install ${program})`);
    return false;
  }
}

/** A program of the right name, as it is after an installation. */
const path = (() => {
  const program = join(folder, 'msb-metrics');
  writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${CLI} "$@"\n`, { mode: 0o755 });
  return `${folder}:${process.env.PATH}`;
})();

describe.skipIf(!isThere('fish'))('completion in fish', () => {
  const offered = (line: string): string[] =>
    execFileSync(
      'fish',
      ['--no-config', '-c', `msb-metrics completion fish | source; complete -C ${JSON.stringify(line)}`],
      {
        encoding: 'utf8',
        env: { ...process.env, PATH: path, HOME: folder },
      },
    )
      .split('\n')
      .filter((word) => word !== '')
      .map((word) => word.split('\t')[0]);

  it('offers commands, flags of the command, and their values', () => {
    expect(offered('msb-metrics ')).toEqual(
      expect.arrayContaining(['stdout', 'otel', 'check', 'completion']),
    );
    expect(offered('msb-metrics otel --end')).toEqual(['--endpoint']);
    expect(offered('msb-metrics stdout --end')).toEqual([]);
    expect(offered('msb-metrics otel --protocol ')).toEqual(
      expect.arrayContaining(['grpc', 'http', 'http/protobuf']),
    );
    expect(offered('msb-metrics completion ')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
  });
});

describe.skipIf(!isThere('zsh'))('completion in zsh', () => {
  /** The line after a press of the key that completes, in a real interactive shell. */
  const completed = (line: string): string => {
    writeFileSync(join(folder, '_msb-metrics'), `${completionScript('zsh')}\n`);
    const script = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=(${folder} \\$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word"
zpty -w shell "report() { print -r -- \\"<<\\$BUFFER>>\\" > ${folder}/line; zle .send-break }; zle -N report; bindkey '^X' report; print ready > ${folder}/ready"
until [[ -s ${folder}/ready ]]; do zpty -r -t shell ignored; done
zpty -w -n shell ${JSON.stringify(line)}$'\\t\\x18'
until [[ -s ${folder}/line ]]; do zpty -r -t shell ignored; done
cat ${folder}/line
zpty -d shell`;
    rmSync(join(folder, 'line'), { force: true });
    rmSync(join(folder, 'ready'), { force: true });
    const text = execFileSync('zsh', ['-f', '-c', script], {
      encoding: 'utf8',
      env: { ...process.env, PATH: path, HOME: folder, TERM: 'xterm' },
      timeout: 30_000,
    });
    return /<<(.*)>>/u.exec(text)?.[1] ?? text;
  };

  it.each([
    ['msb-metrics ot', 'msb-metrics otel '],
    ['msb-metrics otel --end', 'msb-metrics otel --endpoint='],
    ['msb-metrics otel --protocol=g', 'msb-metrics otel --protocol=grpc '],
    ['msb-metrics stdout --onc', 'msb-metrics stdout --once '],
    ['msb-metrics completion f', 'msb-metrics completion fish '],
  ])('makes of %j %j', (line, expected) => {
    expect(completed(line)).toBe(expected);
  });
});

describe.skipIf(!isThere('groff'))('the manual page', () => {
  it('is one without warnings, and shows what it should', () => {
    const page = fileURLToPath(new URL('../../man/msb-metrics.1', import.meta.url));
    const warnings = execFileSync('sh', ['-c', `groff -man -Tutf8 -ww -z ${page} 2>&1`], {
      encoding: 'utf8',
    });
    expect(warnings).toBe('');
    const text = execFileSync('sh', ['-c', `groff -man -Tascii -P-c -P-b -P-u ${page}`], {
      encoding: 'utf8',
    });
    expect(text).toMatch(/--endpoint=URL/u);
    expect(text).toMatch(/OTEL_EXPORTER_OTLP_ENDPOINT/u);
  });
});
