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
import { median } from './median.js';
import { costAtRest, costOfLabels, costOfOutage, helper, measure, wallMillis } from './processes.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const builds = [ROOT, ...process.argv.slice(2).map((other) => resolve(other))];
const SCALE = [10, 100, 1_000, 5_000, 10_000];

/** A figure: its goal, if it has one, and what was measured of each build. */
interface Figure {
  readonly what: string;
  readonly unit: string;
  /** Figures below it are good; `undefined` where a figure is only stated. */
  readonly goal?: number;
  readonly values: readonly number[];
}

const figures: Figure[] = [];
const scale: Record<string, Record<number, number[]>> = {};

/** Measures every build in turn, several times over, and keeps each one's medians. */
async function interleaved(
  rounds: number,
  take: (root: string) => Promise<Record<string, number>>,
): Promise<Record<string, number[]>> {
  const taken: Record<string, number>[][] = builds.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, root] of builds.entries()) {
      taken[index].push(await take(root));
    }
  }
  const keys = Object.keys(taken[0][0]);
  return Object.fromEntries(
    keys.map((key) => [key, taken.map((each) => median(each.map((one) => one[key])))]),
  );
}

function figure(what: string, unit: string, values: readonly number[], goal?: number): void {
  const entry: Figure = { what, unit, values, ...(goal === undefined ? {} : { goal }) };
  figures.push(entry);
  console.log(row(entry));
}

function row({ what, unit, goal, values }: Figure): string {
  const shown = values.map((value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0).padStart(9));
  const [first, second] = values;
  const ratio = second === undefined ? '' : `  ratio ${(first / second).toFixed(2)}`;
  const verdict =
    goal === undefined
      ? ''
      : first < goal
        ? '  met'
        : `  missed by ${((first / goal - 1) * 100).toFixed(0)} %`;
  return `${what.padEnd(52)} ${(goal === undefined ? '-' : `< ${goal}`).padStart(8)} ${shown.join(' ')} ${unit.padEnd(10)}${verdict}${ratio}`;
}

function keepScale(name: string, sandboxes: number, values: readonly number[]): void {
  scale[name] = { ...scale[name], [sandboxes]: [...values] };
}

console.log(`Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`);
console.log(builds.length > 1 ? `figures: ${builds.join(', then ')}` : '');
console.log(`${'what'.padEnd(52)} ${'goal'.padStart(8)} ${'figure'.padStart(9)}`);

for (const sandboxes of SCALE) {
  const { nsARow, nsARowWithSystemCalls } = await interleaved(builds.length > 1 ? 3 : 1, (root) =>
    measure('reading', root, sandboxes),
  );
  keepScale('nsARow', sandboxes, nsARow);
  keepScale('nsARowWithSystemCalls', sandboxes, nsARowWithSystemCalls);
  if (sandboxes === 1_000 || sandboxes === 10_000) {
    figure(`reading a row, ${sandboxes} sandboxes`, 'ns', nsARow, 400);
    figure(`the same with kill(2) and all other system calls`, 'ns', nsARowWithSystemCalls);
  }
}
for (const sandboxes of SCALE) {
  const { bytesARow } = await interleaved(1, (root) => measure('buffered', root, sandboxes));
  keepScale('bytesARow', sandboxes, bytesARow);
  if (sandboxes === 1_000) {
    figure('a buffered row, 60 x 1000', 'bytes', bytesARow, 128);
  }
}

for (const maxBuffered of [60, 20_000]) {
  const delivery = await interleaved(3, (root) => measure('delivery', root, maxBuffered));
  figure(`delivering an item in whole batches, ${maxBuffered} held`, 'ns', delivery.inWholeBatches);
  figure(`delivering an item in exports of one, ${maxBuffered} held`, 'ns', delivery.inExportsOfOne);
  figure(`adding an item to a full buffer of ${maxBuffered}`, 'ns', delivery.addingToAFullBuffer);
}

const start = await interleaved(7, async (root) => {
  const baseline = await wallMillis(['-e', '0']);
  const version = await wallMillis([join(root, 'dist/cli.js'), '--version']);
  const args = ['stdout', '--msb-home=/nonexistent/msb-metrics-bench', '--log-level=debug'];
  const collect = await wallMillis([join(root, 'dist/cli.js'), ...args], ' collected ');
  return { version: version / baseline, collect: collect / baseline };
});
figure('start: --version, against node -e 0', 'x', start.version, 1.6);
figure('start: to the first collect, against node -e 0', 'x', start.collect, 3);

const executable = join(ROOT, `build/msb-metrics-linux-${process.arch}`);
if (existsSync(executable)) {
  figure('the one executable', 'MB', [statSync(executable).size / 1e6]);
  const executableStart = await interleaved(7, async () => ({
    version: (await wallMillis(['--version'], undefined, executable)) / (await wallMillis(['-e', '0'])),
  }));
  figure('start of the executable: --version, against node -e 0', 'x', executableStart.version);
}

for (const nameBytes of [12, 128]) {
  const wire = await interleaved(1, (root) => measure('wire', root, nameBytes));
  figure(`wire, names of ${nameBytes} bytes`, 'bytes/point', wire.bytesAPoint);
  figure(`wire, names of ${nameBytes} bytes, gzip`, 'bytes/point', wire.gzipBytesAPoint, 20);
  if (nameBytes === 12) {
    figure('serialising', 'ns/point', wire.nsAPoint);
    figure(
      'serialising, the OpenTelemetry SDK against it',
      'x',
      wire.sdkNsAPoint.map((ns, index) => ns / wire.nsAPoint[index]),
    );
  }
}

const spool = await interleaved(1, (root) => measure('spool', root, 1_000));
figure('spool: writing a collection of 1000, synced', 'ms', spool.writeMillis);
figure('spool: reading it again', 'ms', spool.readMillis);
figure('spool: on disk', 'bytes/row', spool.bytesASample, 40);

const ways = await interleaved(1, (root) => measure('ways', root));
figure('a point by our encoder, one collection a request', 'ns/point', ways.nativeNsAPoint);
figure("a point by the SDK's words and serialiser", 'ns/point', ways.sdkNsAPoint);
figure('a point of a MetricProducer', 'ns/point', ways.producerNsAPoint);
figure('a page for Prometheus, 1000 sandboxes', 'ms', ways.pageMillis, 50);
figure('a page for Prometheus', 'bytes/point', ways.pageBytesAPoint);

const unlabelled = await interleaved(5, (root) => measure('labels', root));
const labelled = await interleaved(5, (root) => measure('labels', root, 5));
const more = (what: string): number[] =>
  labelled[what].map((value, index) => value - unlabelled[what][index]);
figure('labels, 1000 sandboxes x 5: a tick without a change', 'ms', more('tickMillis'), 0.1);
figure('labels: a point by our encoder, against none', 'x', labelled.ratioAPoint, 1.3);
const { megabytes } = await interleaved(1, (root) => costOfLabels(root, 1_000, 4, 45));
figure('labels: peak RSS of the program, more', 'MB', megabytes, 8);
figure('labels: wire, more', 'bytes/point', more('bytesAPoint'));

const receiver = await helper('receiver.ts');
const { port } = receiver.said as { port: number };
for (const sandboxes of SCALE) {
  const delay = await interleaved(1, (root) => measure('responsiveness', root, `${sandboxes}:${port}`));
  keepScale('eventLoopDelayP99Millis', sandboxes, delay.p99Millis);
  if (sandboxes === 1_000) {
    figure('event loop delay flushing 60 x 1000, 99th percentile', 'ms', delay.p99Millis, 50);
    figure('event loop delay flushing 60 x 1000, longest', 'ms', delay.maxMillis);
  }
}
await receiver.stop();

for (const sandboxes of SCALE.filter((count) => count !== 1_000 && count !== 10)) {
  const rest = await interleaved(1, (root) => costAtRest(root, sandboxes, 8, 8));
  keepScale('cpuSecondsAMinute', sandboxes, rest.cpuSecondsAMinute);
  keepScale('peakMb', sandboxes, rest.peakMb);
}
const rest = await interleaved(1, (root) => costAtRest(root, 1_000, 60, 30));
keepScale('cpuSecondsAMinute', 1_000, rest.cpuSecondsAMinute);
keepScale('peakMb', 1_000, rest.peakMb);
figure('at rest, 1000 sandboxes, defaults, gRPC: CPU', 's/min', rest.cpuSecondsAMinute, 0.6);
figure('at rest, 1000 sandboxes, defaults, gRPC: peak RSS', 'MB', rest.peakMb, 85);
const outage = await interleaved(1, (root) => costOfOutage(root, 1_000));
figure('a full buffer (60 x 1000) going out: peak RSS', 'MB', outage.peakMb, 105);

const install = installed();
if (install !== undefined) {
  figure('installed, without development packages', 'MB', [install.megabytes]);
  figure('installed packages', '', [install.packages]);
  console.log(`  heaviest: ${install.heaviest}`);
}

console.log('\nscale        '.concat(SCALE.map((count) => String(count).padStart(10)).join('')));
for (const [name, bySize] of Object.entries(scale)) {
  console.log(
    `${name.padEnd(24).slice(0, 24)} ${SCALE.map((count) => (bySize[count]?.[0]?.toFixed(2) ?? '-').padStart(9)).join(' ')}`,
  );
}

mkdirSync(join(ROOT, 'bench/results'), { recursive: true });
writeFileSync(
  join(ROOT, 'bench/results/latest.json'),
  `${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, builds: builds.length, figures, scale, install }, null, 2)}\n`,
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
