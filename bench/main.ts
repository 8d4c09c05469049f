/**
 * The cost of watching: measures a build, or two side by side, prints a table with goals and figures, and writes
 * bench/results/latest.json.
 *
 *     npm run bench                         this build
 *     npm run bench -- ../other-checkout    and another one, built; each figure of both in turn, and their ratio
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exponentOf } from './exponent.js';
import { median } from './median.js';
import { helper, measure, wallMillis } from './processes.js';
import {
  costOfLabels,
  costOfOutage,
  drainOfAFullFlush,
  inside,
  type SideBySide,
  sideBySide,
  type Way,
} from './programs.js';
import { peakOf } from './sidecars.js';
import { Table } from './table.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const builds = [ROOT, ...process.argv.slice(2).map((other) => resolve(other))];
const SCALE = [10, 100, 1_000, 10_000];

/** The goals for memory, MB, by the number of sandboxes. */
const MEMORY_GOALS: Readonly<
  Record<number, Partial<Record<Way, { readonly peakMb: number; readonly privateMb?: number }>>>
> = {
  1000: { gRPC: { peakMb: 74, privateMb: 26 }, HTTP: { peakMb: 64 } },
  10000: { gRPC: { peakMb: 134 }, HTTP: { peakMb: 100 } },
};

/** The ways that load more code, and how much more memory than gRPC they may need, MB. */
const ABOVE_GRPC: ReadonlySet<Way> = new Set(['sdk, gRPC', 'sdk, HTTP', 'prometheus']);
const MOST_ABOVE_MB = 25;

const table = new Table();
const scale: Record<string, Record<number, number[]>> = {};

/** Measures every build in turn, several times over, and keeps each one's medians. */
async function interleaved<K extends string>(
  rounds: number,
  take: (root: string) => Promise<Record<K, number>>,
): Promise<Record<K, number[]>> {
  const taken: Record<K, number>[][] = builds.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, root] of builds.entries()) {
      taken[index].push(await take(root));
    }
  }
  const keys = Object.keys(taken[0][0]) as K[];
  return Object.fromEntries(
    keys.map((key) => [key, taken.map((each) => median(each.map((one) => one[key])))]),
  ) as Record<K, number[]>;
}

function keepScale(name: string, sandboxes: number, values: readonly number[]): void {
  scale[name] = { ...scale[name], [sandboxes]: [...values] };
}

const dividedBy = (values: readonly number[], by: readonly number[]): number[] =>
  values.map((value, index) => value / by[index]);

console.log(`Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`);
console.log(builds.length > 1 ? `figures: ${builds.join(', then ')}` : '');

table.heading('Starting');
const start = await interleaved(9, async (root) => {
  const cli = join(root, 'dist/cli.cjs');
  const args = ['stdout', '--msb-home=/nonexistent/msb-metrics-bench', '--log-level=debug'];
  const baseline = await wallMillis(['-e', '0']);
  return {
    version: (await wallMillis([cli, '--version'])) / baseline,
    help: (await wallMillis([cli, '--help'])) / baseline,
    collect: (await wallMillis([cli, ...args], ' collected ')) / baseline,
  };
});
table.figure('--version, time against node -e 0', 'x', start.version, 1.25);
table.figure('--help, time against node -e 0', 'x', start.help, 1.25);
table.figure('to the first collect, time against node -e 0', 'x', start.collect);
const startMemory = await interleaved(3, async (root) => {
  const cli = join(root, 'dist/cli.cjs');
  const baseline = await peakOf(['-e', '0']);
  return {
    version: (await peakOf([cli, '--version'])) / baseline,
    help: (await peakOf([cli, '--help'])) / baseline,
  };
});
table.figure('--version, peak memory against node -e 0', 'x', startMemory.version, 1.25);
table.figure('--help, peak memory against node -e 0', 'x', startMemory.help, 1.25);
const executable = join(ROOT, `build/msb-metrics-linux-${process.arch}`);
if (existsSync(executable)) {
  table.figure('the one executable', 'MB', [statSync(executable).size / 1e6]);
  const executableStart = await interleaved(7, async () => ({
    version: (await wallMillis(['--version'], undefined, executable)) / (await wallMillis(['-e', '0'])),
  }));
  table.figure('the one executable: --version, against node -e 0', 'x', executableStart.version);
}

table.heading('Whole programs, with the defaults');
const WAYS: readonly Way[] = ['node -e 0', 'gRPC', 'HTTP', 'sdk, gRPC', 'sdk, HTTP', 'prometheus'];
const side: Record<number, SideBySide[]> = {};
for (const [sandboxes, ways, warmUpSeconds, seconds] of [
  [10, ['node -e 0', 'gRPC'], 11, 10],
  [100, ['node -e 0', 'gRPC'], 11, 10],
  [1_000, WAYS, 21, 40],
  [10_000, ['node -e 0', 'gRPC', 'HTTP'], 21, 40],
] as const) {
  const taken: SideBySide[] = [];
  for (const root of builds) {
    taken.push(await sideBySide(root, sandboxes, ways, warmUpSeconds, seconds));
  }
  side[sandboxes] = taken;
  const of = (way: Way, what: keyof SideBySide[string]): number[] => taken.map((each) => each[way][what]);
  const goals = MEMORY_GOALS[sandboxes] ?? {};
  for (const way of ways.filter((each) => each !== 'node -e 0')) {
    const name = `${sandboxes} sandboxes, ${way}`;
    const above = ABOVE_GRPC.has(way) ? of('gRPC', 'peakMb')[0] + MOST_ABOVE_MB : undefined;
    table.figure(`${name}: peak memory`, 'MB', of(way, 'peakMb'), goals[way]?.peakMb ?? above);
    table.figure(
      `${name}: of it private, the rest are pages of files`,
      'MB',
      of(way, 'privateMb'),
      goals[way]?.privateMb,
    );
    table.figure(
      `${name}: peak memory against an idle node`,
      'x',
      dividedBy(of(way, 'peakMb'), of('node -e 0', 'peakMb')),
    );
    table.figure(`${name}: time on a processor`, 's/min', of(way, 'cpuSecondsAMinute'));
  }
  for (const what of ['peakMb', 'privateMb', 'cpuSecondsAMinute'] as const) {
    keepScale(what, sandboxes, of('gRPC', what));
    keepScale(`${what}OfIdleNode`, sandboxes, of('node -e 0', what));
  }
}
const outage = await interleaved(1, (root) => costOfOutage(root, 1_000));
table.figure('1000 sandboxes, gRPC, an outage of 60 collections: peak memory', 'MB', outage.peakMb, 87);
table.figure('the same: of it private', 'MB', outage.privateMb);
const microsASecond = (sandboxes: number): number[] =>
  side[sandboxes].map((each) => ((each.gRPC.cpuSecondsAMinute / 60) * 1e6) / sandboxes);
table.figure('a sandbox, of 1000: time on a processor a second', 'us', microsASecond(1_000));
table.figure('a sandbox, of 10000: time on a processor a second', 'us', microsASecond(10_000));
table.figure(
  'a sandbox, from 1000 to 10000: memory',
  'kB',
  side[10_000].map((each, index) => (each.gRPC.peakMb - side[1_000][index].gRPC.peakMb) / 9),
);

table.heading('Inside the program, gRPC, with the defaults');
for (const [sandboxes, registries] of [
  [1_000, 1],
  [10_000, 1],
  [10_000, 3],
] as const) {
  const found = await interleaved(1, (root) => inside(root, sandboxes, registries, 20));
  const name = `${sandboxes} sandboxes${registries > 1 ? ` in ${registries} registries` : ''}`;
  table.figure(
    `${name}: garbage collection, of the time on a processor`,
    '%',
    found.gcShare.map((share) => share * 100),
    sandboxes === 1_000 ? 15 : undefined,
  );
  table.figure(`${name}: delay of the event loop, 99th percentile`, 'ms', found.loopP99Millis, 20);
  table.figure(`${name}: delay of the event loop, longest`, 'ms', found.loopMaxMillis);
  table.figure(`${name}: readings that were missed`, '', found.missedTicks, 0);
}
const drain = await interleaved(1, async (root) => ({ millis: await drainOfAFullFlush(root, 10_000) }));
table.figure('10000 sandboxes: drain of a full flush', 'ms', drain.millis, 2_000);
const receiver = await helper('receiver.ts');
const { port } = receiver.said as { port: number };
for (const sandboxes of [1_000, 10_000]) {
  const delay = await interleaved(1, (root) => measure('responsiveness', root, `${sandboxes}:${port}`));
  const name = `${sandboxes} sandboxes, 60 collections go out`;
  table.figure(`${name}: delay of the event loop, 99th percentile`, 'ms', delay.p99Millis, 20);
  table.figure(`${name}: delay of the event loop, longest`, 'ms', delay.maxMillis);
}
await receiver.stop();

table.heading('A row');
for (const sandboxes of SCALE) {
  const reading = await interleaved(builds.length > 1 ? 3 : 1, (root) => measure('reading', root, sandboxes));
  keepScale('nsARow', sandboxes, reading.nsARow);
  if (sandboxes >= 1_000) {
    table.figure(`reading a row, ${sandboxes} sandboxes`, 'ns', reading.nsARow, 400);
    table.figure('the same with all system calls', 'ns', reading.nsARowWithSystemCalls);
  }
}
for (const sandboxes of SCALE) {
  const { bytesARow } = await interleaved(1, (root) => measure('buffered', root, sandboxes));
  keepScale('bytesARow', sandboxes, bytesARow);
  if (sandboxes === 1_000) {
    table.figure('a row that is held, 60 x 1000', 'bytes', bytesARow, 128);
  }
}
for (const maxBuffered of [60, 20_000]) {
  const delivery = await interleaved(3, (root) => measure('delivery', root, maxBuffered));
  table.figure(`delivering an item in whole batches, ${maxBuffered} held`, 'ns', delivery.inWholeBatches);
  table.figure(`delivering an item in exports of one, ${maxBuffered} held`, 'ns', delivery.inExportsOfOne);
  table.figure(`adding an item to a full buffer of ${maxBuffered}`, 'ns', delivery.addingToAFullBuffer);
}
const spool = await interleaved(1, (root) => measure('spool', root, 1_000));
table.figure('spool: writing a collection of 1000, synced', 'ms', spool.writeMillis);
table.figure('spool: reading it again', 'ms', spool.readMillis);
table.figure('spool: on disk', 'bytes/row', spool.bytesASample, 40);

table.heading('A data point');
for (const nameBytes of [12, 128]) {
  const wire = await interleaved(1, (root) => measure('wire', root, nameBytes));
  table.figure(`on the wire, names of ${nameBytes} bytes`, 'bytes', wire.bytesAPoint);
  table.figure(`on the wire, names of ${nameBytes} bytes, gzip`, 'bytes', wire.gzipBytesAPoint, 20);
}
const ways = await interleaved(3, (root) => measure('ways', root));
table.figure('by our encoder', 'ns', ways.nativeNsAPoint);
table.figure("by the SDK's serialiser, against ours", 'x', dividedBy(ways.sdkNsAPoint, ways.nativeNsAPoint));
table.figure(
  'of a MetricProducer, before its exporter, against ours',
  'x',
  dividedBy(ways.producerNsAPoint, ways.nativeNsAPoint),
);
table.figure('a page for Prometheus, 1000 sandboxes', 'ms', ways.pageMillis, 50);
table.figure('on a page for Prometheus', 'bytes', ways.pageBytesAPoint);

table.heading('Labels, 1000 sandboxes x 5, against none');
const unlabelled = await interleaved(5, (root) => measure('labels', root));
const labelled = await interleaved(5, (root) => measure('labels', root, 5));
const more = (what: string): number[] =>
  labelled[what].map((value, index) => value - unlabelled[what][index]);
table.figure('a tick without a change, more', 'ms', more('tickMillis'), 0.1);
table.figure('a point by our encoder', 'x', labelled.ratioAPoint, 1.3);
const memory = await interleaved(1, async (root) => ({ more: await costOfLabels(root, 1_000, 4, 40) }));
table.figure('peak memory of the program, more', 'MB', memory.more, 8);
table.figure('on the wire, more', 'bytes', more('bytesAPoint'));

const install = installed();
if (install !== undefined) {
  table.heading('Installed, without development packages');
  table.figure('size', 'MB', [install.megabytes]);
  table.figure('packages', '', [install.packages]);
  console.log(`  heaviest: ${install.heaviest}`);
}

table.heading('Growth');
console.log(
  `${''.padEnd(28)}${SCALE.map((count) => String(count).padStart(10)).join('')}  exponent, 100 to 10000`,
);
for (const [name, bySize] of Object.entries(scale)) {
  const idle = scale[`${name}OfIdleNode`];
  const above = [100, 10_000].map((count) => bySize[count][0] - (idle?.[count][0] ?? 0));
  const exponent = name.endsWith('OfIdleNode') ? '' : exponentOf([100, 10_000], above).toFixed(2);
  console.log(
    `${name.padEnd(28)}${SCALE.map((count) => bySize[count][0].toFixed(2).padStart(10)).join('')}  ${exponent}`,
  );
}

mkdirSync(join(ROOT, 'bench/results'), { recursive: true });
writeFileSync(
  join(ROOT, 'bench/results/latest.json'),
  `${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, builds: builds.length, figures: table.figures, scale, install }, null, 2)}\n`,
);

/** What `npm ci --omit=dev` installs; `undefined` where it cannot be asked. */
function installed(): { megabytes: number; packages: number; heaviest: string } | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'msb-metrics-bench-'));
  try {
    for (const file of ['package.json', 'package-lock.json']) {
      cpSync(join(ROOT, file), join(directory, file));
    }
    execFileSync(
      'npm',
      ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
      { cwd: directory, stdio: 'ignore' },
    );
    const modules = join(directory, 'node_modules');
    const names = readdirSync(modules).flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(join(modules, name)).map((each) => `${name}/${each}`)
        : name.startsWith('.')
          ? []
          : [name],
    );
    const sizes = names
      .map((name) => [name, bytesIn(join(modules, name))] as const)
      .sort((a, b) => b[1] - a[1]);
    return {
      megabytes: sizes.reduce((sum, [, bytes]) => sum + bytes, 0) / 1e6,
      packages: names.length,
      heaviest: sizes
        .slice(0, 4)
        .map(([name, bytes]) => `${name} ${(bytes / 1e6).toFixed(1)} MB`)
        .join(', '),
    };
  } catch {
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function bytesIn(path: string): number {
  if (!existsSync(path)) {
    return 0;
  }
  const stat = statSync(path);
  return stat.isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0)
    : stat.size;
}
