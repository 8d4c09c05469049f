import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it, onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What the text around a snippet says is there. */
const GIVEN = 'declare const msbHome: string; declare const url: string;\n';

const snippetsOf = (document: string): string[] =>
  [...readFileSync(join(ROOT, document), 'utf8').matchAll(/^```ts\n(.*?)^```$/gmsu)].map(([, code]) => code);

it('every piece of TypeScript in the documents compiles as strictly as the project itself', () => {
  const folder = mkdtempSync(join(ROOT, 'test/examples/snippets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = ['README.md', 'docs/embedding.md', 'docs/opentelemetry.md'].flatMap((document) =>
    snippetsOf(document).map((code, index) => {
      const file = join(folder, `${document.replace(/\W/gu, '-')}-${index}.ts`);
      writeFileSync(file, GIVEN + code);
      return file;
    }),
  );
  expect(files.length).toBeGreaterThanOrEqual(5);
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
  const program = ts.createProgram(files, options);
  const problems = ts
    .getPreEmitDiagnostics(program)
    .map((diagnostic) =>
      [diagnostic.file?.fileName ?? '', ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')].join(
        ': ',
      ),
    );
  expect(problems).toEqual([]);
}, 60_000);
