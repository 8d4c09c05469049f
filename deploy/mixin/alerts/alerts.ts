import { CONFIG } from '../config.js';

/** An alerting rule of Prometheus. */
export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  /** How long it must hold. */
  readonly for: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly summary: string;
  readonly description: string;
}

const { sandboxes, sidecars } = CONFIG;

/** What each sidecar has, pushed or scraped: one that delivers, and one whose sandboxes are scraped. */
const SIGNS_OF_LIFE = ['microsandbox_collector_exports_success_total', 'microsandbox_collector_rows'];

const perHost = (series: string): string => `max by (instance) (${series})`;

/** Those of the last hour that have ended. */
const ended = SIGNS_OF_LIFE.map(
  (name) =>
    `(${perHost(`last_over_time(${name}{${sidecars}}[1h])`)} unless ${perHost(`${name}{${sidecars}}`)})`,
).join(' or ');

const alive = perHost(SIGNS_OF_LIFE.map((name) => `${name}{${sidecars}}`).join(' or '));

const newestSuccess = perHost(
  `last_over_time(microsandbox_collector_last_success_timestamp_seconds{${sidecars}}[1h])`,
);

/** How much a counter has grown within ten minutes, also if it was away meanwhile, or is new: its first value may be the bad news. */
const grown = (name: string): string => {
  const counter = `microsandbox_collector_${name}_total{${sidecars}}`;
  return perHost(`${counter} - (last_over_time(${counter}[6h] offset 10m) or 0 * ${counter})`);
};

/** Something of a sandbox, whatever its labels are: a changed label is no other sandbox. */
const bySandbox = (series: string): string => `max by (instance, sandbox_name, sandbox_id) (${series})`;

const uptime = `microsandbox_uptime_seconds{${sandboxes}}`;
const cpu = `quantile_over_time(0.1, microsandbox_cpu_utilization_ratio{${sandboxes}}[15m])`;
const cpuTop = `quantile_over_time(0.9, microsandbox_cpu_utilization_ratio{${sandboxes}}[15m])`;

/** The alerts. Each has a section of its name in docs/runbooks.md. */
export const ALERTS: readonly AlertingRule[] = [
  {
    alert: 'MsbMetricsGone',
    // A target that is not discovered any more, and one that pushed, leave no `up` of 0: their series end.
    expr: `${perHost(`up{${sidecars}} == 0`)} or ${ended}`,
    for: '5m',
    severity: 'critical',
    summary: 'The sidecar on {{ $labels.instance }} is gone.',
    description:
      'msb-metrics on {{ $labels.instance }} has not been seen for 5 minutes. Its sandboxes are not watched. Without a scrape target this ends by itself after an hour.',
  },
  {
    alert: 'MsbMetricsNothingDelivered',
    // last_over_time keeps the series of a sidecar that died.
    expr:
      `time() - ${newestSuccess} > ${CONFIG.nothingDeliveredSeconds}` +
      ` or (time() - max by (instance) (last_over_time(process_start_time_seconds{${sidecars}}[1h])) > ${CONFIG.nothingDeliveredSeconds}` +
      ` and on (instance) max by (instance) (last_over_time(microsandbox_collector_exports_failure_total{${sidecars}}[1h]))` +
      ` unless on (instance) ${newestSuccess})`,
    for: '1m',
    severity: 'critical',
    summary: 'Nothing of {{ $labels.instance }} has been delivered.',
    description:
      'The backend has acknowledged nothing from {{ $labels.instance }} for {{ $value | humanizeDuration }}. Once the buffer is full, the oldest collections are dropped.',
  },
  {
    alert: 'MsbMetricsRestarting',
    expr: `${perHost(`changes(process_start_time_seconds{${sidecars}}[1h])`)} > 4`,
    for: '0m',
    severity: 'warning',
    summary: 'The sidecar on {{ $labels.instance }} starts again and again.',
    description:
      'msb-metrics on {{ $labels.instance }} has been started {{ $value }} times within an hour. What it held at each end may be lost.',
  },
  {
    alert: 'MsbMetricsExportsFailing',
    expr: `max by (instance) (instance:microsandbox_collector_exports_failure:ratio_rate15m) > ${CONFIG.failingExports}`,
    for: '10m',
    severity: 'warning',
    summary: 'Exports of {{ $labels.instance }} fail.',
    description:
      '{{ $value | humanizePercentage }} of the exports of {{ $labels.instance }} have failed or were refused. What they were to deliver is held and sent again.',
  },
  {
    alert: 'MsbMetricsSpoolNearlyFull',
    expr: `${perHost(`microsandbox_collector_spool_bytes{${sidecars}} / microsandbox_collector_spool_max_bytes{${sidecars}}`)} > ${CONFIG.spoolNearlyFull}`,
    for: '1m',
    severity: 'warning',
    summary: 'The spool of {{ $labels.instance }} is nearly full.',
    description:
      'The backend has taken so little from {{ $labels.instance }} that its spool is {{ $value | humanizePercentage }} full. Then the oldest collections are dropped.',
  },
  {
    alert: 'MsbMetricsDataDropped',
    expr: `${grown('collections_dropped')} > 0`,
    for: '0m',
    severity: 'critical',
    summary: '{{ $labels.instance }} has dropped data.',
    description:
      'About {{ $value | humanize }} collections of {{ $labels.instance }} were dropped within 10 minutes, because the buffer was full: that time is missing in the backend.',
  },
  {
    alert: 'MsbMetricsDataRefused',
    expr: `${grown('collections_rejected')} > 0 or ${grown('points_rejected')} > 0`,
    for: '0m',
    severity: 'warning',
    summary: 'The backend refuses data of {{ $labels.instance }}.',
    description:
      'The backend has refused collections or data points of {{ $labels.instance }} for good within the last 10 minutes. They are not sent again.',
  },
  {
    alert: 'MsbMetricsRegistryUnreadable',
    expr: `max by (instance, state) (microsandbox_collector_registries{${sidecars}, state=~"refused|denied|untrusted|failed|unknown"}) > 0`,
    for: '5m',
    severity: 'critical',
    summary: 'A registry on {{ $labels.instance }} cannot be read.',
    description:
      'A registry of msb on {{ $labels.instance }} is {{ $labels.state }}. Its sandboxes are not reported.',
  },
  {
    alert: 'MsbMetricsRowsSkipped',
    // A process that is gone leaves its row until the slot is taken again: that is no fault.
    expr: `max by (instance, reason) (microsandbox_collector_rows_skipped{${sidecars}, reason!="process_gone"}) > 0`,
    for: '10m',
    severity: 'warning',
    summary: 'Sandboxes on {{ $labels.instance }} are left out.',
    description:
      '{{ $value }} sandboxes on {{ $labels.instance }} have been left out for 10 minutes, for the reason {{ $labels.reason }}.',
  },
  {
    alert: 'MicrosandboxMemoryNearLimit',
    expr: `${bySandbox('sandbox:microsandbox_memory_usage:ratio')} > ${CONFIG.memoryNearLimit}`,
    for: '10m',
    severity: 'warning',
    summary: '{{ $labels.sandbox_name }} is near its memory limit.',
    description:
      'The sandbox {{ $labels.sandbox_name }} on {{ $labels.instance }} has used more than {{ $value | humanizePercentage }} of its memory for 10 minutes.',
  },
  {
    alert: 'MicrosandboxCpuAtLimit',
    // msb does not say how many vCPUs a sandbox has. One that uses all of them stays at a whole number.
    expr:
      `${cpu} >= ${1 - CONFIG.cpuTolerance} * round(${cpuTop}) and ${cpuTop} <= ${1 + CONFIG.cpuTolerance} * round(${cpuTop})` +
      ` and round(${cpuTop}) >= 1 and ${uptime} >= 900`,
    for: '15m',
    severity: 'warning',
    summary: '{{ $labels.sandbox_name }} uses all of its vCPUs.',
    description:
      'The sandbox {{ $labels.sandbox_name }} on {{ $labels.instance }} has used {{ $value | humanize }} vCPUs without a break for half an hour, a whole number: probably all that it has.',
  },
  {
    alert: 'MicrosandboxUpperNearlyFull',
    expr: `${bySandbox('sandbox:microsandbox_upper_used:ratio')} > ${CONFIG.upperNearlyFull}`,
    for: '10m',
    severity: 'warning',
    summary: 'The disk of {{ $labels.sandbox_name }} is nearly full.',
    description:
      'The upper filesystem of the sandbox {{ $labels.sandbox_name }} on {{ $labels.instance }} is {{ $value | humanizePercentage }} full.',
  },
  {
    alert: 'MicrosandboxVanished',
    expr:
      `(${bySandbox(`last_over_time(${uptime}[30m])`)} > ${CONFIG.missedFromUptimeSeconds}` +
      ` unless ${bySandbox(uptime)}) and on (instance) ${alive}` +
      // Where sandboxes are pushed, an outage of the backend takes all of them away at once.
      ` unless on (instance) time() - ${newestSuccess} > 120`,
    for: '5m',
    severity: 'info',
    summary: '{{ $labels.sandbox_name }} is not reported any more.',
    description:
      'The sandbox {{ $labels.sandbox_name }} on {{ $labels.instance }} had run for {{ $value | humanizeDuration }} and has not been reported for 5 minutes, while the sidecar lives. This ends by itself after half an hour.',
  },
];
