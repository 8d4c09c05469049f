/**
 * Draws a picture of each row of the dashboards into docs/pictures/, from the answers of a real Prometheus to the panels' own
 * queries, after it has scraped two simulated hosts for some minutes. Needs `prometheus`.
 *
 *     npm run pictures -- [seconds]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as vega from 'vega';
import * as vegaLite from 'vega-lite';
import { FLEET } from '../deploy/mixin/dashboards/fleet.js';
import { EVERYTHING, rowsOf, withVariables } from '../deploy/mixin/dashboards/queries.js';
import { SANDBOX } from '../deploy/mixin/dashboards/sandbox.js';
import { monitoredHost, scrapeConfig } from '../test/support/monitored-host.js';
import {
  isPrometheusThere,
  type PrometheusServer,
  startPrometheusServer,
} from '../test/support/prometheus-server.js';

const [seconds = '240'] = process.argv.slice(2);
const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const RULES = [path('../deploy/mixin/msb_metrics_rules.yaml')];
const STEP_SECONDS = 2;
const CHART_HEIGHT = 130;
/** Of all charts beside each other. */
const ROW_WIDTH = 1_150;

type Panel = ReturnType<typeof rowsOf>[number]['panels'][number];
type Point = { readonly time: number; readonly value: number; readonly name: string };

/** What Grafana writes for a unit. */
const FORMATS: Record<string, string> = {
  bytes: '.3s',
  Bps: '.2s',
  percentunit: '.0%',
  s: '.3~s',
  none: '~g',
  reqps: '.2~g',
};

const legendOf = (legend: string, labels: Readonly<Record<string, string>>): string =>
  legend.replace(/\{\{(\w+)\}\}/gu, (_, name: string) => labels[name] ?? '');

async function pointsOf(
  panel: Panel,
  prometheus: PrometheusServer,
  variables: Readonly<Record<string, string>>,
  from: number,
  to: number,
): Promise<Point[]> {
  const answers = await Promise.all(
    panel.targets.map(async ({ expr, legendFormat }) => {
      const series = await prometheus.queryRange(withVariables(expr, variables), from, to, STEP_SECONDS);
      return series.flatMap(({ metric, values }) =>
        values.map(([time, text]) => ({
          time: time - to,
          value: Number(text),
          name:
            legendFormat === ''
              ? Object.entries(metric)
                  .map(([name, value]) => `${name}=${value}`)
                  .join(' ')
              : legendOf(legendFormat, metric),
        })),
      );
    }),
  );
  return answers.flat();
}

function chartOf(panel: Panel, points: readonly Point[], width: number): object {
  const common = { title: { text: panel.title, fontSize: 11 }, width: width - 60, height: CHART_HEIGHT };
  const format = FORMATS[panel.fieldConfig.defaults.unit] ?? '.3~r';
  const x = {
    field: 'time',
    type: 'quantitative',
    title: null,
    axis: { tickCount: 4, labelExpr: "datum.value + ' s'" },
  };
  const newest = points.filter(({ time }) => time === Math.max(...points.map((each) => each.time)));
  switch (panel.type) {
    case 'stat': {
      const value = newest[0]?.value ?? 0;
      return {
        ...common,
        height: 40,
        data: { values: [{ value }] },
        mark: { type: 'text', fontSize: 24, color: '#2a7d46' },
        encoding: { text: { field: 'value', format } },
      };
    }
    case 'heatmap':
      return {
        ...common,
        data: { values: points.map((each) => ({ ...each, end: each.time + STEP_SECONDS })) },
        mark: 'rect',
        encoding: {
          x,
          x2: { field: 'end' },
          y: {
            field: 'name',
            type: 'ordinal',
            title: null,
            sort: panel.targets.map(({ legendFormat }) => legendFormat).reverse(),
          },
          color: { field: 'value', type: 'quantitative', title: null, scale: { scheme: 'oranges' } },
        },
      };
    case 'table':
      return {
        ...common,
        data: { values: newest.slice(0, 8) },
        mark: { type: 'text', fontSize: 9, align: 'left', x: 4 },
        encoding: { text: { field: 'name' }, y: { field: 'name', type: 'ordinal', axis: null } },
      };
    default:
      return {
        ...common,
        data: { values: points },
        mark: { type: 'line', strokeWidth: 1 },
        encoding: {
          x,
          y: { field: 'value', type: 'quantitative', title: null, axis: { format, tickCount: 4 } },
          color: {
            field: 'name',
            type: 'nominal',
            title: null,
            legend: {
              orient: 'bottom',
              columns: 1,
              labelFontSize: 8,
              symbolSize: 30,
              labelLimit: width - 80,
              symbolLimit: 4,
            },
          },
        },
      };
  }
}

async function draw(
  name: string,
  panels: readonly Panel[],
  answers: readonly (readonly Point[])[],
): Promise<void> {
  const spec = {
    background: 'white',
    hconcat: panels.map((panel, index) => chartOf(panel, answers[index], ROW_WIDTH / panels.length)),
    resolve: { scale: { color: 'independent' } },
  } as unknown as vegaLite.TopLevelSpec;
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' });
  writeFileSync(path(`../docs/pictures/${name}.svg`), `${await view.toSVG()}\n`);
}

if (!isPrometheusThere()) {
  process.exit(1);
}
mkdirSync(path('../docs/pictures'), { recursive: true });
const hosts = { 'host-a': await monitoredHost(30), 'host-b': await monitoredHost(20, 100) };
const prometheus = await startPrometheusServer(scrapeConfig(hosts, RULES));
console.log(`scraping for ${seconds} s`);
await setTimeout(Number(seconds) * 1_000);
const to = Math.floor(Date.now() / 1_000) - 2;
const from = to - Number(seconds) + 20;
const one = { ...EVERYTHING, host: 'host-a', sandbox: 'search-1' };
for (const [dashboard, prefix, variables] of [
  [FLEET, 'fleet', EVERYTHING],
  [SANDBOX, 'sandbox', one],
] as const) {
  for (const { title, panels } of rowsOf(dashboard)) {
    const answers = await Promise.all(
      panels.map((panel) => pointsOf(panel, prometheus, variables, from, to)),
    );
    const name = `${prefix}-${title.toLowerCase().replace(/\W+/gu, '-')}`;
    await draw(name, panels, answers);
    console.log(`docs/pictures/${name}.svg`);
  }
}
await prometheus.stop();
await Promise.all(Object.values(hosts).map((host) => host.stop()));
