import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type GrpcReply, startGrpcReceiver } from '../receiver/receiver.js';
import { random } from '../simulator/sandbox.js';
import { sandboxPoints } from '../support/arrived.js';
import { Cli, cli } from '../support/cli.js';
import { watchDisk } from '../support/disk-watch.js';
import { eventually } from '../support/eventually.js';
import { testHome } from '../support/home.js';
import { ledgerOf, sampleSandboxes } from '../support/sampling.js';
import { untilRead } from '../support/until-read.js';

const FLUSH_MILLIS = 100;
const FAST = [
  '--collect-interval=20ms',
  `--flush-interval=${FLUSH_MILLIS}ms`,
  '--no-labels',
  '--log-level=debug',
];

function testSpool(): string {
  const parent = mkdtempSync(join(tmpdir(), 'msb-metrics-spool-'));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, 'spool');
}

const segmentsIn = (directory: string): string[] =>
  readdirSync(directory).filter((name) => name.endsWith('.segment'));

/** A receiver that takes requests only while it is told to. */
async function moodyReceiver() {
  const mood = { isWell: true };
  const away: GrpcReply = { kind: 'status', code: 14, details: 'away' };
  const receiver = await startGrpcReceiver({ reply: () => (mood.isWell ? { kind: 'ok' } : away) });
  onTestFinished(() => receiver.close());
  return { receiver, mood };
}

/** The longest time between two readings, ms, as the log has them. */
function longestGap(log: string, untilMillis: number): number {
  const read = [...log.matchAll(/^(\S+Z) DEBUG \S+ collected /gmu)].map(([, time]) => Date.parse(time));
  const times = [...read, untilMillis];
  return Math.max(0, ...times.slice(1).map((time, index) => time - times[index]));
}

describe('--spool-dir', () => {
  it('loses nothing through an outage with a stop and a start in it: each sample once, at its own time', async () => {
    const { receiver, mood } = await moodyReceiver();
    const msbHome = testHome();
    const { written, tick, stop } = sampleSandboxes({
      msbHome,
      count: 3,
      intervalMillis: Number.POSITIVE_INFINITY,
    });
    const directory = testSpool();
    const flags = [
      'otel',
      `--endpoint=http://127.0.0.1:${receiver.port}`,
      `--msb-home=${msbHome}`,
      `--spool-dir=${directory}`,
      '--max-buffered=30',
      ...FAST,
    ];
    const first = new Cli(flags);
    const sampled = async (times: number, run: Cli): Promise<void> => {
      for (let each = 0; each < times; each++) {
        tick();
        // A sample that is overwritten before it was read is not one that can be lost.
        await untilRead(() => run.stderr);
      }
    };
    await eventually(() => first.stderr.includes(': collected '));
    await sampled(5, first);
    await eventually(() => receiver.accepted.length > 1);
    // On a slow machine the buffer may have been full before the first export was through.
    await eventually(() => {
      const told = first.stderr.match(
        /INFO .*(?:they go to the spool|no collections go to the spool any more)/gu,
      );
      return (told ?? []).length % 2 === 0 && readdirSync(directory).length === 0;
    });
    const before = first.stderr.length;
    mood.isWell = false;
    // Many times more than the buffer holds.
    await sampled(60, first);
    await eventually(() => segmentsIn(directory).length > 2);
    expect(await first.stop()).toBe(0);
    expect(first.stderr).toMatch(
      /INFO msb_metrics: stopped collections_dropped=0 collections_lost=0 collections_spooled=[1-9]/u,
    );
    expect(first.stderr.slice(before).match(/INFO .*they go to the spool/gu)).toHaveLength(1);

    const second = new Cli(flags);
    await eventually(() =>
      /spool opened, its collections are sent first .* collections=[1-9]/u.test(second.stderr),
    );
    await sampled(10, second);
    mood.isWell = true;
    await sampled(5, second);
    await eventually(() => segmentsIn(directory).length === 0);
    expect(await second.stop()).toBe(0);
    stop();
    const ledger = ledgerOf(written, receiver);
    expect([ledger.missingPoints(), ledger.wrong, ledger.unknown]).toEqual([[], 0, 0]);
    // The newest sample of each sandbox is new to a process that has just started.
    expect(ledger.duplicated).toBeLessThanOrEqual(3 * 11);
  });

  it('loses at most what was on its way to disk when it is killed, and sends nothing twice but what had no answer', {
    timeout: 900_000,
  }, async () => {
    const kills = Number(process.env.SPOOL_KILLS ?? 10);
    const chance = random(Number(process.env.FC_SEED ?? Date.now() % 2 ** 31));
    const { receiver, mood } = await moodyReceiver();
    const msbHome = testHome();
    const { written, stop } = sampleSandboxes({ msbHome, count: 2, intervalMillis: 80 });
    const directory = testSpool();
    const flags = [
      'otel',
      `--endpoint=http://127.0.0.1:${receiver.port}`,
      `--msb-home=${msbHome}`,
      `--spool-dir=${directory}`,
      ...FAST,
    ];
    const disk = await watchDisk(testHome());
    let slowest = 0;
    let firstReadAt = Number.POSITIVE_INFINITY;
    const blind: { readonly from: number; to: number }[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const run = new Cli(flags);
      await eventually(() => run.stderr.includes(': collected '));
      firstReadAt = Math.min(firstReadAt, Date.now());
      const last = blind.at(-1);
      if (last !== undefined) {
        last.to = Date.now();
      }
      for (let change = 0; change < 3; change++) {
        mood.isWell = chance() < 0.4;
        await setTimeout(chance() * 300);
      }
      const killedAt = Date.now();
      run.child.kill('SIGKILL');
      // The flush interval in which it was read, and the one in which its first export had no answer; and as long as the machine, or
      // its disk, stood still.
      const gap = longestGap(run.stderr, killedAt);
      slowest = Math.max(slowest, gap);
      const grace = 2 * FLUSH_MILLIS + 2 * (gap + disk.longest());
      blind.push({ from: killedAt - grace, to: Number.POSITIVE_INFINITY });
      await run.exit;
    }
    mood.isWell = true;
    const run = new Cli(flags);
    await eventually(() => run.stderr.includes(': collected '));
    (blind.at(-1) as { to: number }).to = Date.now();
    await eventually(() => segmentsIn(directory).length === 0);
    stop();
    await setTimeout(100);
    expect(await run.stop()).toBe(0);
    const arrivals = new Map<string, number>();
    for (const { points } of receiver.accepted) {
      for (const { metric, name, timeMillis } of sandboxPoints(points)) {
        if (metric === 'microsandbox.memory.usage') {
          const key = `${name} ${timeMillis}`;
          arrivals.set(key, (arrivals.get(key) ?? 0) + 1);
        }
      }
    }
    const samples = written.flatMap(({ name, samples: each }) =>
      each.map(({ sampledAtMillis }) => ({ name, sampledAtMillis })),
    );
    const missing = samples.filter(
      ({ name, sampledAtMillis: at }) =>
        at > firstReadAt &&
        !arrivals.has(`${name} ${at}`) &&
        !blind.some(({ from, to }) => at >= from && at <= to),
    );
    // What is read every 20 ms and sampled every 25 ms may be overwritten before it was read, on a slow machine.
    expect(missing.length).toBeLessThanOrEqual(slowest > 60 ? samples.length / 20 : 0);
    console.log(
      `${kills} kills, ${samples.length} samples, ${missing.length} missing outside of what a kill may cost`,
    );
    const twice = [...arrivals.values()].reduce((sum, count) => sum + count - 1, 0);
    console.log(`${twice} of ${arrivals.size} sent twice`);
    // For each kill at most a flush interval without an answer, and the newest sample of each sandbox after the start.
    expect(twice).toBeLessThanOrEqual(kills * 2 * (1 + Math.ceil((FLUSH_MILLIS + 1_000) / 80)));
  });

  it("is one process's alone, and no directory that others may write to", async () => {
    const directory = testSpool();
    const flags = [
      'otel',
      '--endpoint=http://127.0.0.1:9',
      `--msb-home=${testHome()}`,
      `--spool-dir=${directory}`,
    ];
    const first = new Cli(flags);
    await eventually(() => first.stderr.includes('spool opened'));
    const second = await cli(flags);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(`error: --spool-dir: ${directory} is in use by another msb-metrics`);
    first.child.kill('SIGKILL');
    await first.exit;
    const third = new Cli(flags);
    await eventually(() => third.stderr.includes('spool opened'));
    await third.stop();
    const shared = await cli([...flags.slice(0, -1), `--spool-dir=${tmpdir()}`]);
    expect([shared.code, shared.stderr]).toEqual([
      2,
      expect.stringMatching(/error: --spool-dir: .*(written by others|belongs to)/u),
    ]);
  });

  it('can be looked at while it is used', async () => {
    const msbHome = testHome();
    const { written, stop } = sampleSandboxes({ msbHome, count: 2, intervalMillis: 20 });
    const directory = testSpool();
    const run = new Cli([
      'otel',
      '--endpoint=http://127.0.0.1:9',
      `--msb-home=${msbHome}`,
      `--spool-dir=${directory}`,
      ...FAST,
    ]);
    await eventually(() => run.stderr.includes('spool opened') && segmentsIn(directory).length > 1);
    const { code, stdout } = await cli(['spool', 'ls', directory]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^\S+Z 0000000000000001-\d+-0\.segment collections=\d+ bytes=\d+\n(.*\n)*\d+ segments, \d+ collections, \d+ bytes\n$/u,
      ),
    ]);
    const cat = await cli(['spool', 'cat', join(directory, segmentsIn(directory)[0])]);
    const [first] = cat.stdout.split('\n').map((line) => (line === '' ? undefined : JSON.parse(line)));
    expect(first).toMatchObject({ name: 'sandbox-0', labels: {}, memory_used_bytes: expect.any(Number) });
    expect(written[0].samples.map(({ memoryUsedBytes }) => memoryUsedBytes)).toContain(
      first.memory_used_bytes,
    );
    await run.stop();
    stop();
  });

  it.each([
    [['ls'], 'spool ls: got no PATH: expected a path'],
    [['rm', 'x'], 'spool: got "rm": expected ls or cat'],
    [
      ['ls', '/nonexistent'],
      'spool ls: got "/nonexistent": cannot be read (ENOENT): expected the directory of --spool-dir',
    ],
    [
      ['cat', '/etc/hostname'],
      'spool cat: got "/etc/hostname": is no segment of a spool: expected a file of it',
    ],
    [['ls', 'a', 'b'], 'unexpected beside the command spool'],
  ])('is not shown for spool %s', async (args, message) => {
    const { code, stderr } = await cli(['spool', ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it.each(['2', '2Gb x', '-1GiB', '1KiB', 'GiB', ''])('refuses --spool-max-size=%s', async (size) => {
    const { code, stderr } = await cli([
      'otel',
      '--endpoint=http://127.0.0.1:9',
      '--spool-dir=/tmp/x',
      `--spool-max-size=${size}`,
    ]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^error: --spool-max-size: (got|expected).*such as 500MiB or 2GiB|value/u),
    ]);
  });

  it('goes on in memory while its disk fails, says so once, and once when it is well again', async () => {
    const { receiver, mood } = await moodyReceiver();
    const msbHome = testHome();
    const { stop } = sampleSandboxes({ msbHome, count: 1, intervalMillis: 20 });
    const directory = testSpool();
    const run = new Cli([
      'otel',
      `--endpoint=http://127.0.0.1:${receiver.port}`,
      `--msb-home=${msbHome}`,
      `--spool-dir=${directory}`,
      ...FAST,
    ]);
    await eventually(() => run.stderr.includes('spool opened'));
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
    mood.isWell = false;
    await eventually(() => run.stderr.split('the spool cannot be used').length > 3);
    rmSync(directory);
    await eventually(() => run.stderr.includes('INFO msb_metrics::otlp: the spool can be written again'));
    mood.isWell = true;
    await eventually(() => segmentsIn(directory).length === 0 && receiver.accepted.length > 0);
    expect(await run.stop()).toBe(0);
    stop();
    expect(run.stderr.match(/WARN .*the spool cannot be used/gu)).toHaveLength(1);
  });
});
