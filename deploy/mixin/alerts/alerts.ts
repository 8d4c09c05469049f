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

/** Signs of life of a sidecar: each has one of these, pushed or scraped. One series a host, whichever way it comes. */
const signsOfLife = (range = '', wrap = (series: string): string => series): string =>
  `max by (instance) (${[`microsandbox_collector_exports_success_total{${sidecars}}${range}`, `microsandbox_collector_rows{${sidecars}}${range}`].map(wrap).join(' or ')})`;

const seenWithinAnHour = signsOfLife('[1h]', (series) => `last_over_time(${series})`);

const newestSuccess = `max by (instance) (last_over_time(microsandbox_collector_last_success_timestamp_seconds{${sidecars}}[1h]))`;

const increased = (counter: string): string =>
  `max by (instance) (increase(microsandbox_collector_${counter}_total{${sidecars}}[10m]))`;

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
    expr: `max by (instance) (up{job="msb-metrics"} == 0) or (${seenWithinAnHour} unless ${signsOfLife()})`,
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
      ` or (time() - max by (instance) (process_start_time_seconds{${sidecars}}) > ${CONFIG.nothingDeliveredSeconds}` +
      ` and on (instance) max by (instance) (microsandbox_collector_exports_failure_total{${sidecars}})` +
      ` unless on (instance) ${newestSuccess})`,
    for: '1m',
    severity: 'critical',
    summary: 'Nothing of {{ $labels.instance }} has been delivered.',
    description:
      'The backend has acknowledged nothing from {{ $labels.instance }} for {{ $value | humanizeDuration }}. Once the buffer is full, the oldest collections are dropped.',
  },
  {
    alert: 'MsbMetricsExportsFailing',
    expr: `max by (instance) (instance:microsandbox_collector_exports_failure:ratio_rate5m) > ${CONFIG.failingExports}`,
    for: '10m',
    severity: 'warning',
    summary: 'Exports of {{ $labels.instance }} fail.',
    description:
      '{{ $value | humanizePercentage }} of the exports of {{ $labels.instance }} have failed or were refused. What they were to deliver is held and sent again.',
  },
  {
    alert: 'MsbMetricsDataDropped',
    expr: `${increased('collections_dropped')} > 0`,
    for: '0m',
    severity: 'critical',
    summary: '{{ $labels.instance }} has dropped data.',
    description:
      'About {{ $value | humanize }} collections of {{ $labels.instance }} were dropped within 10 minutes, because the buffer was full: that time is missing in the backend.',
  },
  {
    alert: 'MsbMetricsDataRefused',
    expr: `${increased('collections_rejected')} > 0 or ${increased('points_rejected')} > 0`,
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
    expr: `sandbox:microsandbox_memory_usage:ratio > ${CONFIG.memoryNearLimit}`,
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
      ` and round(${cpuTop}) >= 1`,
    for: '15m',
    severity: 'warning',
    summary: '{{ $labels.sandbox_name }} uses all of its vCPUs.',
    description:
      'The sandbox {{ $labels.sandbox_name }} on {{ $labels.instance }} has used {{ $value | humanize }} vCPUs without a break for half an hour, a whole number: probably all that it has.',
  },
  {
    alert: 'MicrosandboxUpperNearlyFull',
    expr: `sandbox:microsandbox_upper_used:ratio > ${CONFIG.upperNearlyFull}`,
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
      ` unless ${bySandbox(uptime)}) and on (instance) ${signsOfLife()}`,
    for: '5m',
    severity: 'info',
    summary: '{{ $labels.sandbox_name }} is not reported any more.',
    description:
      'The sandbox {{ $labels.sandbox_name }} on {{ $labels.instance }} had run for {{ $value | humanizeDuration }} and has not been reported for 5 minutes, while the sidecar lives. This ends by itself after half an hour.',
  },
];
