import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('the package has a list of its parts, and of no tools for development', () => {
  const list = execFileSync('npm', ['run', '--silent', 'sbom'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const { bomFormat, components } = JSON.parse(list) as { bomFormat: string; components: { name: string }[] };
  expect(bomFormat).toBe('CycloneDX');
  const names = components.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['koffi', 'rxjs', '@grpc/grpc-js']));
  expect(names).not.toContain('vitest');
});
