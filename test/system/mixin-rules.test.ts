import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { ALERTS } from '../../deploy/mixin/alerts/alerts.js';
import { CONFIG } from '../../deploy/mixin/config.js';
import { ALERT_CASES, type AlertCase } from '../deploy/alert-cases.js';

const FILES = ['msb_metrics_rules.yaml', 'msb_metrics_alerts.yaml'].map((name) =>
  fileURLToPath(new URL(`../../deploy/mixin/${name}`, import.meta.url)),
);

const promtool = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8' });

const isThere = promtool('--version').status === 0;
if (!isThere) {
  console.warn('promtool is missing (apt-get install prometheus): rules are not tested');
}

/** Looks at one case by itself. Its annotations are asserted by promtool only where they are given, so the labels tell. */
function outcome({ alert, series, at, fires }: AlertCase) {
  const folder = mkdtempSync(join(tmpdir(), 'msb-metrics-promtool-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const rule = ALERTS.find((each) => each.alert === alert);
  const file = join(folder, 'test.yaml');
  const document = {
    rule_files: FILES,
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: [
          {
            expr: `count by (__name__, ${LABELS.join(', ')}) (ALERTS{alertname="${alert}", alertstate="firing"})`,
            eval_time: at,
            exp_samples: fires.map((labels) => ({
              labels: `ALERTS{${Object.entries(labels)
                .map(([name, value]) => `${name}="${value}"`)
                .join(', ')}}`,
              value: 1,
            })),
          },
        ],
      },
    ],
  };
  writeFileSync(file, stringify(document));
  expect(rule).toBeDefined();
  const { status, stdout, stderr } = promtool('test', 'rules', file);
  return { status, output: stdout + stderr };
}

const LABELS = ['job', 'instance', 'state', 'reason', 'sandbox_name', 'sandbox_id'];

describe.runIf(isThere)('promtool', () => {
  it('reads all rules', () => {
    const { status, stdout } = promtool('check', 'rules', ...FILES);
    expect([status, stdout]).toEqual([0, expect.stringContaining(`SUCCESS: ${ALERTS.length} rules found`)]);
  });

  it.each(
    ALERT_CASES.map(
      (each) => [each.alert, each.fires.length > 0 ? 'fires' : 'does not fire', each.what, each] as const,
    ),
  )('%s %s: %s', (_, _does, _what, alertCase) => {
    expect(outcome(alertCase)).toEqual({ status: 0, output: expect.stringContaining('SUCCESS') });
  });

  it.each(['deploy/prometheus/prometheus.yml', 'deploy/compose/prometheus.yml'])('takes %s', (path) => {
    const folder = mkdtempSync(join(tmpdir(), 'msb-metrics-promtool-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const file of FILES) {
      cpSync(file, join(folder, basename(file)));
    }
    const config = readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
    writeFileSync(join(folder, 'prometheus.yml'), config.replace('/etc/prometheus/rules/', './'));
    const { status, stdout } = promtool('check', 'config', join(folder, 'prometheus.yml'));
    expect([status, stdout]).toEqual([0, expect.stringContaining(`SUCCESS: ${ALERTS.length} rules found`)]);
  });

  it('finds a case that does not hold', () => {
    const [first] = ALERT_CASES;
    expect(outcome({ ...first, fires: [] }).status).toBe(1);
  });

  it('writes texts with what they name', () => {
    const folder = mkdtempSync(join(tmpdir(), 'msb-metrics-promtool-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'test.yaml');
    const fullSandbox = 'job="microsandbox", instance="host", sandbox_name="devbox", sandbox_id="1"';
    writeFileSync(
      file,
      stringify({
        rule_files: FILES,
        evaluation_interval: '1m',
        tests: [
          {
            interval: '1m',
            input_series: [
              { series: `microsandbox_upper_used_bytes{${fullSandbox}}`, values: '95x60' },
              { series: `microsandbox_upper_free_bytes{${fullSandbox}}`, values: '5x60' },
            ],
            alert_rule_test: [
              {
                alertname: 'MicrosandboxUpperNearlyFull',
                eval_time: '20m',
                exp_alerts: [
                  {
                    exp_labels: {
                      severity: 'warning',
                      instance: 'host',
                      sandbox_name: 'devbox',
                      sandbox_id: '1',
                    },
                    exp_annotations: {
                      summary: 'The disk of devbox is nearly full.',
                      description: 'The upper filesystem of the sandbox devbox on host is 95% full.',
                      runbook_url: `${CONFIG.runbooks}#microsandboxuppernearlyfull`,
                    },
                  },
                ],
              },
            ],
          },
        ],
      }),
    );
    expect(promtool('test', 'rules', file).stdout).toContain('SUCCESS');
  });
});
