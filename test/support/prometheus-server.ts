import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';

/** Whether Prometheus can be run here. Says so where it cannot. */
export function isPrometheusThere(): boolean {
  const isThere = spawnSync('prometheus', ['--version']).status === 0;
  if (!isThere) {
    console.warn('prometheus is not installed here (apt-get install prometheus): skipped');
  }
  return isThere;
}

/** A series of an instant query, with its value. */
export interface InstantSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [seconds: number, text: string];
}

/** A series of a range query. */
export interface RangeSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, text: string])[];
}

/** A Prometheus that runs. */
export interface PrometheusServer {
  query(expr: string): Promise<readonly InstantSeries[]>;
  queryRange(
    expr: string,
    fromSeconds: number,
    toSeconds: number,
    stepSeconds: number,
  ): Promise<readonly RangeSeries[]>;
  /** What an address of its API gives. */
  api(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts a real Prometheus with a configuration. */
export async function startPrometheusServer(config: string): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'msb-metrics-prometheus-'));
  writeFileSync(join(folder, 'prometheus.yml'), config);
  const child = spawn('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    '--web.listen-address=127.0.0.1:0',
  ]);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exit = new Promise((resolve) => child.once('close', resolve));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exit;
    rmSync(folder, { recursive: true, force: true });
  };
  const port = await eventually(() => /Listening on.*address=127\.0\.0\.1:(\d+)/u.exec(output)?.[1]);
  const api = async (path: string): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const answer = (await response.json()) as { status: string; error?: string; data: unknown };
    if (answer.status !== 'success') {
      throw new Error(`${decodeURIComponent(path)}: ${answer.error}`);
    }
    return answer.data;
  };
  return {
    api,
    stop,
    query: async (expr) => {
      const { result } = (await api(`query?query=${encodeURIComponent(expr)}`)) as {
        result: InstantSeries[];
      };
      return result;
    },
    queryRange: async (expr, from, to, step) => {
      const path = `query_range?query=${encodeURIComponent(expr)}&start=${from}&end=${to}&step=${step}`;
      const { result } = (await api(path)) as { result: RangeSeries[] };
      return result;
    },
  };
}
