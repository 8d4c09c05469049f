// Builds dist/: the library as plain modules with their types, and the command line as one bundle with a
// chunk for each transport, so that a run loads only what it uses.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';
import { RXJS_AS_MODULES } from './release/rxjs-as-modules.mjs';

const require = createRequire(import.meta.url);
rmSync('dist', { recursive: true, force: true });

execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});

await build({
  entryPoints: { cli: 'src/cli.ts' },
  outdir: 'dist',
  chunkNames: 'cli-[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  legalComments: 'none',
  // gRPC loads its proto-loader for channelz and ORCA, which nobody here asks for.
  external: ['koffi', '@grpc/proto-loader'],
  alias: RXJS_AS_MODULES,
  // CommonJS dependencies inside an ES module bundle still call require() for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});
chmodSync('dist/cli.js', 0o755);

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
