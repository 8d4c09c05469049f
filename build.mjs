// Builds dist/: the library as plain modules with their types, and the command line as one bundle with a
// chunk for each transport, so that a run loads only what it uses.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { build, transform } from 'esbuild';
import { RXJS_AS_MODULES } from './release/rxjs-as-modules.mjs';

const require = createRequire(import.meta.url);
rmSync('dist', { recursive: true, force: true });

execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});

// The command line is CommonJS, which Node.js loads sooner and with less memory than ES modules. esbuild splits ES modules alone, so
// each chunk is turned afterwards.
const { outputFiles } = await build({
  entryPoints: { cli: 'src/cli.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  chunkNames: 'cli-[name]-[hash]',
  write: false,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  // gRPC loads its proto-loader for channelz and ORCA, which nobody here asks for.
  external: ['koffi', '@grpc/proto-loader'],
  alias: {
    ...RXJS_AS_MODULES,
    // Its ES module looks for a `module` of CommonJS, and would find that of the chunk.
    xbytes: require.resolve('xbytes'),
  },
  define: { 'import.meta.url': '__url' },
});
for (const { path, text } of outputFiles) {
  const { code, map } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    sourcefile: path,
    sourcemap: 'external',
    minifySyntax: true,
    minifyWhitespace: true,
    // So that chunks are loaded by require().
    supported: { 'dynamic-import': false },
    banner: text.includes('__url') ? "const __url = require('node:url').pathToFileURL(__filename).href;" : '',
  });
  writeFileSync(path, `${code}//# sourceMappingURL=${basename(path)}.map\n`);
  writeFileSync(`${path}.map`, map);
}
chmodSync('dist/cli.cjs', 0o755);

// The manual page is made from the table of flags, as help is.
const manual = await build({
  stdin: { contents: "export { manualPage } from './src/cli/man.ts';", resolveDir: '.' },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  packages: 'external',
});
const scratch = 'dist/man.mjs';
writeFileSync(scratch, manual.outputFiles[0].contents);
const { manualPage } = await import(new URL(scratch, import.meta.url));
rmSync(scratch);
mkdirSync('man', { recursive: true });
writeFileSync('man/msb-metrics.1', manualPage());
