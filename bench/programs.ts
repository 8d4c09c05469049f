import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { helper } from './processes.js';
import {
  type Cost,
  type Host,
  type Sidecar,
  scraping,
  startHost,
  startSidecar,
  type Watched,
} from './sidecars.js';

/** What sidecars of several kinds cost that ran at the same time on the same host, by their names. */
export type SideBySide = Readonly<Record<string, Cost & { readonly cpuSecondsAMinute: number }>>;

/** What a sidecar was like inside. */
export interface Inside extends Watched {
  /** Readings that should have been there and were not. */
  readonly missedTicks: number;
}

const IDLE = ['-e', 'setInterval(() => {}, 1 << 30)'];

/** The ways to a backend, as arguments. */
export const waysTo = ({ msbHome, grpc, http }: Host) => ({
  'node -e 0': undefined,
  gRPC: ['otel', `--endpoint=${grpc}`, `--msb-home=${msbHome}`],
  HTTP: ['otel', `--endpoint=${http}`, '--protocol=http', `--msb-home=${msbHome}`],
  'sdk, gRPC': ['otel', `--endpoint=${grpc}`, '--exporter=sdk', `--msb-home=${msbHome}`],
  'sdk, HTTP': ['otel', `--endpoint=${http}`, '--protocol=http', '--exporter=sdk', `--msb-home=${msbHome}`],
  prometheus: ['prometheus', '--listen=127.0.0.1:0', `--msb-home=${msbHome}`],
});

/** A way to a backend. */
export type Way = keyof ReturnType<typeof waysTo>;

/** How often Prometheus scrapes, ms. */
const SCRAPE_MILLIS = 10_000;

/**
 * Runs sidecars at the same time for a while, with the defaults.
 *
 * @param warmUpSeconds before their time on a processor is counted
 */
export async function sideBySide(
  root: string,
  sandboxes: number,
  ways: readonly Way[],
  warmUpSeconds: number,
  seconds: number,
): Promise<SideBySide> {
  const host = await startHost(sandboxes);
  const running = await Promise.all(
    ways.map(async (way) => {
      const args = waysTo(host)[way];
      const sidecar = args === undefined ? startSidecar(undefined, IDLE) : startSidecar(root, args);
      const scrapes = way === 'prometheus' ? scraping(await pageOf(sidecar), SCRAPE_MILLIS) : undefined;
      return { way, sidecar, scrapes };
    }),
  );
  await setTimeout(warmUpSeconds * 1_000);
  const before = running.map(({ sidecar }) => sidecar.cost().cpuSeconds);
  await setTimeout(seconds * 1_000);
  const costs = running.map(({ way, sidecar }, index) => {
    const cost = sidecar.cost();
    return [way, { ...cost, cpuSecondsAMinute: ((cost.cpuSeconds - before[index]) / seconds) * 60 }] as const;
  });
  for (const { scrapes, sidecar } of running) {
    scrapes?.stop();
    await sidecar.stop();
  }
  await host.stop();
  return Object.fromEntries(costs);
}

/** The page of a sidecar that serves one. */
async function pageOf({ child }: Sidecar): Promise<string> {
  let text = '';
  for (;;) {
    const url = /url=(\S+)/u.exec(text)?.[1];
    if (url !== undefined) {
      return url;
    }
    const [chunk] = (await once(child.stderr as NodeJS.ReadableStream, 'data')) as [string];
    text += chunk;
  }
}

/** Before delays are counted, ms. */
const WARM_UP_MILLIS = 12_000;

/** Runs a sidecar over gRPC with the defaults, and looks inside. */
export async function inside(
  root: string,
  sandboxes: number,
  registries: number,
  seconds: number,
): Promise<Inside> {
  const host = await startHost(sandboxes, { registries });
  const args = [...(waysTo(host).gRPC ?? []), '--log-level=debug'];
  const sidecar = startSidecar(root, args, 'loop');
  const other = startSidecar(root, waysTo(host).gRPC ?? [], 'garbage');
  await setTimeout(WARM_UP_MILLIS);
  await sidecar.watched();
  await setTimeout(seconds * 1_000);
  const { loopP99Millis, loopMaxMillis } = await sidecar.watched();
  const { gcShare } = await other.watched();
  const times = sidecar.collectedAtMillis;
  const expected = Math.round((times[times.length - 1] - times[0]) / 1_000) + 1;
  await sidecar.stop();
  await other.stop();
  await host.stop();
  return { gcShare, loopP99Millis, loopMaxMillis, missedTicks: expected - times.length };
}

/** How long a stop takes just before a flush with the defaults, ms: all that a flush interval has collected goes out. */
export async function drainOfAFullFlush(root: string, sandboxes: number): Promise<number> {
  const host = await startHost(sandboxes);
  const sidecar = startSidecar(root, waysTo(host).gRPC ?? []);
  let lastMillis = 0;
  let bytes = 0;
  host.receiver.child.on('message', (message) => {
    bytes += (message as { bytes: number }).bytes;
    lastMillis = performance.now();
  });
  const flushes = async (): Promise<void> => {
    while (performance.now() - lastMillis > 300) {
      await setTimeout(50);
    }
    while (performance.now() - lastMillis < 300) {
      await setTimeout(50);
    }
  };
  await setTimeout(1_000);
  await flushes();
  bytes = 0;
  await flushes();
  const inAFlush = bytes;
  bytes = 0;
  await setTimeout(9_000);
  const { millis, status } = await sidecar.stop();
  await setTimeout(200);
  await host.stop();
  if (status !== 0 || bytes < inAFlush * 0.8) {
    throw new Error(`the drain ended with ${status} and had ${bytes} bytes; a flush has ${inAFlush}`);
  }
  return millis;
}

/** The memory of a sidecar when a full buffer of 60 collections goes out after an outage. Time runs ten times as fast. */
export async function costOfOutage(root: string, sandboxes: number): Promise<Cost> {
  const host = await startHost(sandboxes, { intervalMillis: 100 });
  const { port } = new URL(host.grpc);
  await host.receiver.stop();
  const sidecar = startSidecar(root, [
    ...(waysTo(host).gRPC ?? []),
    '--collect-interval=100ms',
    '--flush-interval=1s',
  ]);
  await setTimeout(9_000);
  const receiver = await helper('receiver.ts', port);
  let bytes = 0;
  receiver.child.on('message', (message) => {
    bytes += (message as { bytes: number }).bytes;
  });
  await once(receiver.child, 'message');
  await setTimeout(4_000);
  const cost = sidecar.cost();
  const { status } = await sidecar.stop();
  await receiver.stop();
  await host.stopRuntime();
  if (status !== 0 || bytes < 60 * sandboxes * 100) {
    throw new Error(`after the outage ${bytes} bytes have arrived, and the end was ${status}`);
  }
  return cost;
}

/**
 * How much more the peak memory of the program is with five labels on each sandbox than without any, MB: the mean of pairs that
 * run at once, because a peak depends on when the garbage collector comes.
 */
export async function costOfLabels(
  root: string,
  sandboxes: number,
  pairs: number,
  seconds: number,
): Promise<number> {
  const host = await startHost(sandboxes, { isLabelled: true });
  const peak = async (...more: string[]): Promise<number> => {
    const sidecar = startSidecar(root, [...(waysTo(host).gRPC ?? []), ...more]);
    await setTimeout(seconds * 1_000);
    const { peakMb } = sidecar.cost();
    await sidecar.stop();
    return peakMb;
  };
  const differences = await Promise.all(
    Array.from({ length: pairs }, async () => {
      const [labelled, none] = await Promise.all([peak(), peak('--no-labels')]);
      return labelled - none;
    }),
  );
  await host.stop();
  return differences.reduce((sum, each) => sum + each, 0) / pairs;
}
