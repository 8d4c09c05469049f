// Prints the list of parts of the package (CycloneDX). `npm sbom --omit=dev` in a clone leaves out what tools for development need too,
// so it is asked where only the package's own parts are installed.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'msb-metrics-sbom-'));
const npm = (...args) =>
  execFileSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
try {
  for (const file of ['package.json', 'package-lock.json']) {
    cpSync(join(ROOT, file), join(folder, file));
  }
  npm('ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error');
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  delete manifest.devDependencies;
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  rmSync(join(folder, 'package-lock.json'));
  process.stdout.write(npm('sbom', '--sbom-format=cyclonedx', '--sbom-type=application'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
