/**
 * Draws what bench/results/latest.json says into docs/: cost.svg (against the number of sandboxes) and ways.svg (memory of each way to
 * a backend).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as vega from 'vega';
import * as vegaLite from 'vega-lite';
import type { Figure } from './table.js';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const { figures, scale } = JSON.parse(readFileSync(path('results/latest.json'), 'utf8')) as {
  readonly figures: readonly Figure[];
  readonly scale: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
};

/** Lines by their names; each is a measure of the scale. */
const lines = (measures: Readonly<Record<string, string>>) =>
  Object.entries(measures).flatMap(([what, measure]) =>
    Object.entries(scale[measure]).map(([sandboxes, [value]]) => ({
      what,
      sandboxes: Number(sandboxes),
      value,
    })),
  );

const chart = (title: string, type: 'log' | 'linear', measures: Readonly<Record<string, string>>) => ({
  title,
  width: 300,
  height: 200,
  data: { values: lines(measures) },
  mark: { type: 'line', point: true },
  encoding: {
    x: {
      field: 'sandboxes',
      type: 'quantitative',
      scale: { type: 'log' },
      axis: { values: [10, 100, 1_000, 10_000] },
    },
    y: { field: 'value', type: 'quantitative', title: null, scale: { type } },
    color: {
      field: 'what',
      type: 'nominal',
      title: null,
      sort: Object.keys(measures),
      legend: { orient: 'bottom' },
    },
  },
});

const figureOf = (what: string): number => figures.find((figure) => figure.what === what)?.values[0] ?? 0;

const WAYS = ['gRPC', 'HTTP', 'sdk, gRPC', 'sdk, HTTP', 'prometheus'];

const memoryOfWays = {
  title: 'Peak memory with 1,000 sandboxes, MB',
  width: 420,
  data: {
    values: WAYS.flatMap((way) => {
      const own = figureOf(`1000 sandboxes, ${way}: of it private, the rest are pages of files`);
      return [
        { way, what: 'private', value: own },
        { way, what: 'pages of files', value: figureOf(`1000 sandboxes, ${way}: peak memory`) - own },
      ];
    }),
  },
  mark: 'bar',
  encoding: {
    y: { field: 'way', type: 'nominal', sort: WAYS, title: null },
    x: { field: 'value', type: 'quantitative', title: null },
    color: { field: 'what', type: 'nominal', title: null, sort: ['private', 'pages of files'] },
    order: { field: 'what', sort: 'descending' },
  },
};

async function draw(name: string, spec: object): Promise<void> {
  const drawn = { background: 'white', ...spec } as vegaLite.TopLevelSpec;
  const view = new vega.View(vega.parse(vegaLite.compile(drawn).spec), { renderer: 'none' });
  writeFileSync(path(`../docs/${name}`), `${await view.toSVG()}\n`);
}

await draw('cost.svg', {
  hconcat: [
    chart('Time on a processor, seconds a minute', 'log', { 'gRPC, defaults': 'cpuSecondsAMinute' }),
    chart('Peak memory, MB', 'linear', {
      'gRPC, defaults': 'peakMb',
      'of it private': 'privateMb',
      'an idle node': 'peakMbOfIdleNode',
    }),
  ],
  resolve: { scale: { color: 'independent' } },
});
await draw('ways.svg', memoryOfWays);
