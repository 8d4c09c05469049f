import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startGrpcReceiver } from '../receiver/receiver.js';
import { simulateCatalog } from '../simulator/catalog.js';
import { SimulatedRegistry } from '../simulator/registry.js';
import { SimulatedSandbox } from '../simulator/sandbox.js';
import { eventually } from './eventually.js';

const CLI = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url));
const TEAMS = ['build', 'search', 'billing'];

/** A host with sandboxes of its own that are sampled every second, and both pages that Prometheus scrapes. */
export interface MonitoredHost {
  /** `HOST:PORT` of the page of `msb-metrics prometheus`. */
  readonly sandboxes: string;
  /** `HOST:PORT` of the health page of `msb-metrics otel`, whose backend takes everything. */
  readonly sidecar: string;
  /** Kills both programs, as a host that dies. */
  kill(): void;
  stop(): Promise<void>;
}

/** Starts one. */
export async function monitoredHost(count: number, seed = 0): Promise<MonitoredHost> {
  const msbHome = mkdtempSync(join(tmpdir(), 'msb-metrics-host-'));
  const names = Array.from({ length: count }, (_, index) => `${TEAMS[index % 3]}-${seed + index}`);
  const catalog = simulateCatalog(
    msbHome,
    names.map((name, index) => ({ id: index + 1, name, labels: { team: TEAMS[index % 3] } })),
  );
  const registry = SimulatedRegistry.create({ msbHome, abi: 3, capacity: Math.max(64, count) });
  const running = names.map((name, index) => ({
    slot: registry.start({
      name,
      sandboxId: index + 1,
      runId: index + 1,
      pid: process.pid,
      startedAtMillis: Date.now() - 60_000 * (index + 1),
    }),
    simulated: new SimulatedSandbox(seed + index),
  }));
  const sample = (): void => {
    for (const { slot, simulated } of running) {
      registry.sample(slot, simulated.next(Date.now()));
    }
  };
  sample();
  const timer = setInterval(sample, 1_000);
  const receiver = await startGrpcReceiver();
  const programs: ((signal: NodeJS.Signals) => Promise<void>)[] = [];
  const start = async (args: readonly string[], url: RegExp): Promise<string> => {
    const child = spawn(process.execPath, [CLI, ...args, `--msb-home=${msbHome}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exit = once(child, 'exit');
    programs.push(async (signal) => {
      child.kill(signal);
      await exit;
    });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    return eventually(() => url.exec(log)?.[1]);
  };
  const sandboxes = await start(
    ['prometheus', '--listen=127.0.0.1:0'],
    /prometheus: serving url=http:\/\/([^/\s]+)/u,
  );
  const sidecar = await start(
    [
      'otel',
      `--endpoint=http://127.0.0.1:${receiver.port}`,
      '--flush-interval=1s',
      `--spool-dir=${join(msbHome, 'spool')}`,
      '--health-listen=127.0.0.1:0',
    ],
    /health: serving url=http:\/\/([^/\s]+)/u,
  );
  return {
    sandboxes,
    sidecar,
    kill: () => {
      for (const end of programs) {
        void end('SIGKILL');
      }
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(programs.map((end) => end('SIGTERM')));
      await receiver.close();
      registry.destroy();
      catalog.close();
      rmSync(msbHome, { recursive: true, force: true });
    },
  };
}

/** The configuration of a Prometheus that scrapes hosts every second, each under its name, with rules of ours. */
export function scrapeConfig(
  hosts: Readonly<Record<string, MonitoredHost>>,
  ruleFiles: readonly string[],
): string {
  const job = (name: string, targetOf: (host: MonitoredHost) => string) => ({
    job_name: name,
    static_configs: Object.entries(hosts).map(([instance, host]) => ({
      targets: [targetOf(host)],
      labels: { instance },
    })),
  });
  // JSON is YAML.
  return JSON.stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ruleFiles,
    scrape_configs: [
      job('microsandbox', ({ sandboxes }) => sandboxes),
      job('msb-metrics', ({ sidecar }) => sidecar),
    ],
  });
}
