import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALERTS } from '../../deploy/mixin/alerts/alerts.js';
import { FLEET } from '../../deploy/mixin/dashboards/fleet.js';
import { EVERYTHING, metricsIn, rowsOf, withVariables } from '../../deploy/mixin/dashboards/queries.js';
import { SANDBOX } from '../../deploy/mixin/dashboards/sandbox.js';
import { RECORDING_RULES } from '../../deploy/mixin/rules/rules.js';
import { eventually } from '../support/eventually.js';
import { type MonitoredHost, monitoredHost, scrapeConfig } from '../support/monitored-host.js';
import {
  isPrometheusThere,
  type PrometheusServer,
  startPrometheusServer,
} from '../support/prometheus-server.js';

const RULES = ['msb_metrics_rules.yaml', 'msb_metrics_alerts.yaml'].map((name) =>
  fileURLToPath(new URL(`../../deploy/mixin/${name}`, import.meta.url)),
);

const SANDBOXES = 12;

const queriesOf = (dashboard: typeof FLEET) =>
  rowsOf(dashboard).flatMap(({ panels }) =>
    panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  );

describe.runIf(isPrometheusThere())('a real Prometheus that has scraped both pages', () => {
  let host: MonitoredHost;
  let prometheus: PrometheusServer;

  beforeAll(async () => {
    host = await monitoredHost(SANDBOXES);
    prometheus = await startPrometheusServer(scrapeConfig({ 'host-a': host }, RULES));
    // The last one to have a value: a ratio of rates.
    await eventually(
      async () =>
        (await prometheus.query('instance:microsandbox_collector_exports_failure:ratio_rate15m')).length >
          0 &&
        (await prometheus.query('sandbox:microsandbox_network_bytes_sent:rate5m')).length === SANDBOXES,
      'recorded rates',
    );
  });

  afterAll(async () => {
    await prometheus?.stop();
    await host?.stop();
  });

  it.each(RECORDING_RULES.map(({ record }) => record))('has %s', async (record) => {
    const series = await prometheus.query(record);
    expect(series.length).toBe(record.startsWith('sandbox:') ? SANDBOXES : 1);
  });

  it.each(queriesOf(FLEET))('answers the fleet\'s "%s": %s', async (_, expr) => {
    const series = await prometheus.query(withVariables(expr, EVERYTHING));
    expect(series.length).toBeGreaterThan(0);
    expect(series.every(({ value }) => value[1] !== 'NaN')).toBe(true);
  });

  it.each(queriesOf(SANDBOX))('answers a sandbox\'s "%s": %s', async (_, expr) => {
    const one = { ...EVERYTHING, host: 'host-a', label: 'team', value: 'search', sandbox: 'search-1' };
    expect(await prometheus.query(withVariables(expr, one))).toHaveLength(1);
  });

  it('puts every sandbox into one bucket of each distribution', async () => {
    const maps = rowsOf(FLEET).flatMap(({ panels }) => panels.filter(({ type }) => type === 'heatmap'));
    expect(maps).toHaveLength(2);
    for (const { targets } of maps) {
      const counts = await Promise.all(
        targets.map(async ({ expr }) =>
          Number((await prometheus.query(withVariables(expr, EVERYTHING)))[0].value[1]),
        ),
      );
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(SANDBOXES);
    }
  });

  it('has what the variables ask for', async () => {
    const match = encodeURIComponent('microsandbox_uptime_seconds{job="microsandbox"}');
    expect(await prometheus.api(`label/instance/values?match[]=${match}`)).toEqual(['host-a']);
    expect(await prometheus.api(`labels?match[]=${match}`)).toEqual(
      expect.arrayContaining(['team', 'sandbox_name']),
    );
    expect(await prometheus.api(`label/team/values?match[]=${match}`)).toEqual([
      'billing',
      'build',
      'search',
    ]);
  });

  it('has every metric that an alert names, and evaluates every alert without an error, and none fires', async () => {
    for (const name of new Set(ALERTS.flatMap(({ expr }) => metricsIn(expr)))) {
      expect(await prometheus.query(name), name).not.toEqual([]);
    }
    const { groups } = (await prometheus.api('rules?type=alert')) as {
      groups: { rules: { name: string; health: string; state: string; lastError?: string }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.map(({ name }) => name)).toEqual(ALERTS.map(({ alert }) => alert));
    expect(rules.filter(({ health, state }) => health !== 'ok' || state === 'firing')).toEqual([]);
  });

  it('knows that a sidecar is gone', async () => {
    const pending = 'ALERTS{alertname="MsbMetricsGone"}';
    expect(await prometheus.query(pending)).toEqual([]);
    host.kill();
    await eventually(async () => (await prometheus.query(pending)).length > 0, 'the alert');
    expect((await prometheus.query(pending)).map(({ metric }) => metric)).toEqual([
      {
        __name__: 'ALERTS',
        alertname: 'MsbMetricsGone',
        alertstate: 'pending',
        instance: 'host-a',
        severity: 'critical',
      },
    ]);
  });
});
