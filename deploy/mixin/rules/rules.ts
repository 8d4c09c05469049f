import { CONFIG } from '../config.js';

/** A recording rule of Prometheus. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

const { sandboxes, sidecars } = CONFIG;

/** A share of a limit. A limit of 0 is none. */
const share = (used: string, limit: string): string => `${used} / (${limit} > 0)`;

/** The rates of each sandbox's counters. They are gauges of absolute values, and `rate` knows their restart from 0. */
const rates = ['disk_bytes_read', 'disk_bytes_written', 'network_bytes_received', 'network_bytes_sent'].map(
  (name) => ({
    record: `sandbox:microsandbox_${name}:rate5m`,
    expr: `rate(microsandbox_${name}{${sandboxes}}[5m])`,
  }),
);

/** What dashboards and alerts ask for again and again. */
export const RECORDING_RULES: readonly RecordingRule[] = [
  ...rates,
  {
    record: 'sandbox:microsandbox_memory_usage:ratio',
    expr: share(
      `microsandbox_memory_usage_bytes{${sandboxes}}`,
      `microsandbox_memory_limit_bytes{${sandboxes}}`,
    ),
  },
  {
    record: 'sandbox:microsandbox_upper_used:ratio',
    expr: share(
      `microsandbox_upper_used_bytes{${sandboxes}}`,
      `(microsandbox_upper_used_bytes{${sandboxes}} + microsandbox_upper_free_bytes{${sandboxes}})`,
    ),
  },
  {
    record: 'instance:microsandbox_collector_exports_success:rate15m',
    expr: `rate(microsandbox_collector_exports_success_total{${sidecars}}[15m])`,
  },
  {
    record: 'instance:microsandbox_collector_exports_failure:rate15m',
    expr: `rate(microsandbox_collector_exports_failure_total{${sidecars}}[15m])`,
  },
  {
    record: 'instance:microsandbox_collector_exports_failure:ratio_rate15m',
    expr:
      'instance:microsandbox_collector_exports_failure:rate15m / ' +
      '(instance:microsandbox_collector_exports_success:rate15m + instance:microsandbox_collector_exports_failure:rate15m > 0)',
  },
];
