import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pageWriter } from '../../src/sinks/prometheus/page.js';
import { SimulatedSandbox } from '../simulator/sandbox.js';
import { Cli } from '../support/cli.js';
import { collectionOf, sandboxRuns } from '../support/collections.js';
import { eventually } from '../support/eventually.js';
import { tenant, testHome, testRegistry } from '../support/home.js';
import {
  isPrometheusThere,
  type PrometheusServer,
  startPrometheusServer,
} from '../support/prometheus-server.js';

/** A real Prometheus that scrapes a page every second. */
async function startPrometheus(target: string): Promise<PrometheusServer['query']> {
  const server = await startPrometheusServer(`scrape_configs:
  - job_name: sandboxes
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{ targets: ['${target}'] }]
`);
  onTestFinished(server.stop);
  return server.query;
}

describe.runIf(isPrometheusThere())('a real Prometheus', () => {
  it('scrapes what was written: every value of every sandbox, at its own time, whatever its name is', async () => {
    const msbHome = testHome();
    const registry = testRegistry({ msbHome, capacity: 64 });
    const names = [...Array.from({ length: 8 }, (_, index) => `sandbox-${index}`), 'a"b\\c\nd', 'ünï-код-🚀'];
    const sandboxes = names.map((name, index) => {
      const slot = registry.start(tenant({ name, sandboxId: index + 1 }));
      const simulated = new SimulatedSandbox(index);
      return { name, slot, simulated, last: simulated.next(Date.now()) };
    });
    const sample = (): void => {
      for (const sandbox of sandboxes) {
        sandbox.last = sandbox.simulated.next(Date.now());
        registry.sample(sandbox.slot, sandbox.last);
      }
    };
    sample();
    const run = new Cli([
      'prometheus',
      '--listen=127.0.0.1:0',
      '--timestamps',
      `--msb-home=${msbHome}`,
      '--collect-interval=100ms',
    ]);
    const target = await eventually(() => /url=http:\/\/(\S+)\/metrics/u.exec(run.stderr)?.[1]);
    const query = await startPrometheus(target);
    await eventually(async () => (await query('microsandbox_uptime_seconds')).length === names.length);
    sample();
    const newest = Object.fromEntries(sandboxes.map(({ name, last }) => [name, last.sampledAtMillis]));
    await eventually(async () => {
      const series = await query('timestamp(microsandbox_uptime_seconds)');
      return isDeepStrictEqual(
        Object.fromEntries(
          series.map(({ metric, value }) => [metric.sandbox_name, Math.round(Number(value[1]) * 1_000)]),
        ),
        newest,
      );
    }, 'the newest samples');

    const valuesOf = async (metric: string): Promise<Record<string, number>> =>
      Object.fromEntries(
        (await query(metric)).map(({ metric: labels, value }) => [labels.sandbox_name, Number(value[1])]),
      );
    const expected = (pick: (sample: (typeof sandboxes)[number]['last']) => number | undefined) =>
      Object.fromEntries(
        sandboxes.flatMap(({ name, last }) => {
          const value = pick(last);
          return value === undefined ? [] : [[name, value]];
        }),
      );
    for (const [metric, pick] of [
      ['memory_usage_bytes', (each: (typeof sandboxes)[number]['last']) => each.memoryUsedBytes],
      ['memory_limit_bytes', (each: (typeof sandboxes)[number]['last']) => each.memoryLimitBytes],
      ['disk_bytes_read', (each: (typeof sandboxes)[number]['last']) => each.diskReadBytes],
      ['disk_bytes_written', (each: (typeof sandboxes)[number]['last']) => each.diskWrittenBytes],
      ['network_bytes_received', (each: (typeof sandboxes)[number]['last']) => each.networkReceivedBytes],
      ['network_bytes_sent', (each: (typeof sandboxes)[number]['last']) => each.networkSentBytes],
      ['upper_used_bytes', (each: (typeof sandboxes)[number]['last']) => each.upperUsedBytes],
      ['upper_free_bytes', (each: (typeof sandboxes)[number]['last']) => each.upperFreeBytes],
      [
        'upper_host_allocated_bytes',
        (each: (typeof sandboxes)[number]['last']) => each.upperHostAllocatedBytes,
      ],
    ] as const) {
      expect(await valuesOf(`microsandbox_${metric}`), metric).toEqual(expected(pick));
    }
    const [info] = await query('microsandbox_collector_build_info');
    expect(info.metric).toMatchObject({ job: 'sandboxes', instance: target });
    expect(await query('target_info')).toEqual([]);
    expect(await run.stop()).toBe(0);
  });
});

describe.runIf(isPrometheusThere())('promtool', () => {
  it('has nothing to say against the page', () => {
    const page = pageWriter({ emitRunId: true, emitPid: true })(collectionOf(sandboxRuns(20)));
    expect(execFileSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' })).toBe('');
  });
});
