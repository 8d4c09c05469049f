import { stringify } from 'yaml';
import { ALERTS } from './alerts/alerts.js';
import { CONFIG } from './config.js';
import { FLEET } from './dashboards/fleet.js';
import { SANDBOX } from './dashboards/sandbox.js';
import { RECORDING_RULES } from './rules/rules.js';

const HEADER = '# Rendered by npm run mixin. Change the sources beside it, not this file.\n\n';

const yaml = (document: unknown): string => HEADER + stringify(document, { lineWidth: 0 });

const json = (document: unknown): string => `${JSON.stringify(document, undefined, 2)}\n`;

/** All rendered files by their paths from this folder. */
export function rendered(): Readonly<Record<string, string>> {
  return {
    'msb_metrics_rules.yaml': yaml({ groups: [{ name: 'msb-metrics.rules', rules: RECORDING_RULES }] }),
    'msb_metrics_alerts.yaml': yaml({
      groups: [
        {
          name: 'msb-metrics.alerts',
          rules: ALERTS.map(({ alert, expr, for: holds, severity, summary, description }) => ({
            alert,
            expr,
            for: holds,
            labels: { severity },
            annotations: {
              summary,
              description,
              runbook_url: `${CONFIG.runbooks}#${alert.toLowerCase()}`,
            },
          })),
        },
      ],
    }),
    'dashboards_out/msb-metrics-fleet.json': json(FLEET),
    'dashboards_out/msb-metrics-sandbox.json': json(SANDBOX),
  };
}
