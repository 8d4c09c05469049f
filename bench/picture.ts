/** Draws cost against number of sandboxes from bench/results/latest.json, into docs/cost.svg. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as vega from 'vega';
import * as vegaLite from 'vega-lite';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const { scale } = JSON.parse(readFileSync(path('results/latest.json'), 'utf8')) as {
  scale: Record<string, Record<string, number[]>>;
};

const series = (name: string) =>
  Object.entries(scale[name] ?? {}).map(([sandboxes, [value]]) => ({ sandboxes: Number(sandboxes), value }));

const chart = (name: string, title: string): vegaLite.TopLevelSpec => ({
  title,
  width: 300,
  height: 200,
  data: { values: series(name) },
  mark: { type: 'line', point: true },
  encoding: {
    x: { field: 'sandboxes', type: 'quantitative', title: 'sandboxes' },
    y: { field: 'value', type: 'quantitative', title: null },
  },
});

const spec = {
  background: 'white',
  hconcat: [chart('cpuSecondsAMinute', 'CPU seconds a minute'), chart('peakMb', 'peak memory, MB')],
} as unknown as vegaLite.TopLevelSpec;
const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' });
writeFileSync(path('../docs/cost.svg'), `${await view.toSVG()}\n`);
