import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ALERTS } from '../../deploy/mixin/alerts/alerts.js';
import { FLEET } from '../../deploy/mixin/dashboards/fleet.js';
import { metricsIn } from '../../deploy/mixin/dashboards/queries.js';
import { SANDBOX } from '../../deploy/mixin/dashboards/sandbox.js';
import { rendered } from '../../deploy/mixin/rendered.js';
import { RECORDING_RULES } from '../../deploy/mixin/rules/rules.js';
import { healthAfter, initialHealth } from '../../src/cli/health/health.js';
import { healthPage } from '../../src/cli/health/health-page.js';
import type { Spool } from '../../src/index.js';
import { pageWriter } from '../../src/sinks/prometheus/page.js';
import { collectionOf, sandboxRuns } from '../support/collections.js';
import { ALERT_CASES } from './alert-cases.js';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** All metrics of our two pages. */
function ourMetrics(): Set<string> {
  const at = { wallMillis: 1_790_000_000_000, steadyMillis: 0 };
  const collection = collectionOf(sandboxRuns(2));
  const health = [
    { type: 'collected', collection } as const,
    {
      type: 'delivery',
      sink: 'otlp',
      event: { type: 'exported', items: 1, droppedBefore: 0, partial: undefined },
    } as const,
  ].reduce((state, event) => healthAfter(state, event, at), initialHealth(at));
  const pages = pageWriter({})(collection) + healthPage(health, { cpuSeconds: 1, residentBytes: 1 }, SPOOL);
  return new Set([...pages.matchAll(/^# TYPE (\S+)/gmu)].map(([, name]) => name));
}

const SPOOL = { stats: { bytes: 1, items: 1, oldestAtMillis: 1 }, maxBytes: 2 } as Spool;

describe('the mixin', () => {
  it('has the files that its sources render', () => {
    for (const [name, text] of Object.entries(rendered())) {
      expect(readFileSync(path(`deploy/mixin/${name}`), 'utf8'), `${name}: npm run mixin`).toBe(text);
    }
    expect(readdirSync(path('deploy/mixin/dashboards_out'))).toHaveLength(2);
  });

  it('names only metrics that there are, and all recording rules', () => {
    const known = new Set([...ourMetrics(), ...RECORDING_RULES.map(({ record }) => record)]);
    const panels = [...FLEET.panels, ...SANDBOX.panels];
    const queries = panels.flatMap((panel) =>
      'targets' in panel ? panel.targets.map(({ expr }) => expr) : [],
    );
    const named = [
      ...queries,
      ...ALERTS.map(({ expr }) => expr),
      ...RECORDING_RULES.map(({ expr }) => expr),
    ].flatMap(metricsIn);
    expect(named.length).toBeGreaterThan(60);
    expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
    expect(RECORDING_RULES.map(({ record }) => record).filter((record) => !named.includes(record))).toEqual(
      [],
    );
  });

  it.each(
    ALERTS.map((alert) => [alert.alert, alert] as const),
  )('%s has a summary, a description, a section of the runbook, and series that do and do not fire it', (name, {
    summary,
    description,
    for: holds,
  }) => {
    expect(summary).toMatch(/^.*\{\{ \$labels\.(instance|sandbox_name) \}\}.*\.$/u);
    expect(description).toMatch(/\.$/u);
    expect(holds).toMatch(/^\d+m$/u);
    expect(readFileSync(path('docs/runbooks.md'), 'utf8')).toMatch(new RegExp(`^## ${name}$`, 'mu'));
    const cases = ALERT_CASES.filter(({ alert }) => alert === name);
    expect(cases.some(({ fires }) => fires.length > 0)).toBe(true);
    expect(cases.some(({ fires }) => fires.length === 0)).toBe(true);
  });
});

describe.each([
  ['fleet', FLEET],
  ['sandbox', SANDBOX],
])('the dashboard %s', (_, { panels, templating }) => {
  it('has panels with a unit, a title and queries, side by side', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const widths = new Map<number, number>();
    for (const panel of panels) {
      if ('targets' in panel) {
        expect(panel.title).not.toBe('');
        expect(panel.fieldConfig.defaults.unit).not.toBe('');
        expect(panel.targets.length).toBeGreaterThan(0);
        widths.set(panel.gridPos.y, (widths.get(panel.gridPos.y) ?? 0) + panel.gridPos.w);
      }
    }
    expect(Math.max(...widths.values())).toBeLessThanOrEqual(24);
  });

  it('can be narrowed to hosts, sandboxes and labels', () => {
    expect(templating.list.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['datasource', 'host', 'label', 'value']),
    );
    const queries = panels.flatMap((panel) =>
      'targets' in panel ? panel.targets.map(({ expr }) => expr) : [],
    );
    expect(queries.every((expr) => expr.includes('instance=~"$host"'))).toBe(true);
  });
});
