/** Series in promtool's notation, by their names and labels, a value a minute. */
export type InputSeries = Readonly<Record<string, string>>;

/** What an alert must do, shown by series. */
export interface AlertCase {
  readonly alert: string;
  readonly what: string;
  readonly series: InputSeries;
  /** When it is looked at. */
  readonly at: string;
  /** The labels of the alerts that fire, without the name and the severity; empty for none. */
  readonly fires: readonly Readonly<Record<string, string>>[];
}

const HOST = 'job="msb-metrics", instance="host"';
const PUSHED = 'job="microsandbox", instance="host"';
const SANDBOX = 'job="microsandbox", instance="host", sandbox_name="devbox", sandbox_id="1"';
const DEVBOX = { job: 'microsandbox', instance: 'host', sandbox_name: 'devbox', sandbox_id: '1' };
const SANDBOX_ALONE = { instance: 'host', sandbox_name: 'devbox', sandbox_id: '1' };
const AT_HOST = { instance: 'host' };

/** A sidecar that lives and delivers, as a scraped page shows it. */
const WELL: InputSeries = {
  [`up{${HOST}}`]: '1x120',
  [`microsandbox_collector_rows{${HOST}}`]: '1x120',
  [`microsandbox_collector_exports_success_total{${HOST}}`]: '0+6x120',
  [`microsandbox_collector_exports_failure_total{${HOST}}`]: '0x120',
  [`microsandbox_collector_last_success_timestamp_seconds{${HOST}}`]: '0+60x120',
  [`process_start_time_seconds{${HOST}}`]: '0x120',
};

const collector = (name: string): string => `microsandbox_collector_${name}{${HOST}}`;
const sandbox = (name: string): string => `microsandbox_${name}{${SANDBOX}}`;

/** For each alert series that fire it, and such as just do not. */
export const ALERT_CASES: readonly AlertCase[] = [
  {
    alert: 'MsbMetricsGone',
    what: 'the process is down: nothing answers the scrape',
    series: { ...WELL, [`up{${HOST}}`]: '1x10 0x110', [collector('rows')]: '1x10 stale' },
    at: '17m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsGone',
    what: 'the page of the sandboxes is down, while the one of the sidecar answers',
    series: { ...WELL, [`up{${PUSHED}}`]: '1x10 0x110' },
    at: '17m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsGone',
    what: 'down for less than five minutes',
    series: { ...WELL, [`up{${HOST}}`]: '1x10 0x110' },
    at: '15m',
    fires: [],
  },
  {
    alert: 'MsbMetricsGone',
    what: 'its scrape target has gone with it, and all its series are stale',
    series: {
      [`up{${HOST}}`]: '1x10 stale',
      [collector('rows')]: '1x10 stale',
      [collector('exports_success_total')]: '0+6x10 stale',
    },
    at: '40m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsGone',
    what: 'it pushed, and pushes no more',
    series: { [`microsandbox_collector_exports_success_total{${PUSHED}}`]: '0+6x10' },
    at: '25m',
    fires: [AT_HOST],
  },
  { alert: 'MsbMetricsGone', what: 'it lives', series: WELL, at: '60m', fires: [] },
  {
    alert: 'MsbMetricsNothingDelivered',
    what: 'nothing was acknowledged for more than five minutes',
    series: { ...WELL, [collector('last_success_timestamp_seconds')]: '0+60x10 600x110' },
    at: '17m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsNothingDelivered',
    what: 'the last success is five minutes old',
    series: { ...WELL, [collector('last_success_timestamp_seconds')]: '0+60x10 600x110' },
    at: '15m',
    fires: [],
  },
  {
    alert: 'MsbMetricsNothingDelivered',
    what: 'the sidecar has died, and its series are stale',
    series: { [collector('last_success_timestamp_seconds')]: '0+60x10 stale' },
    at: '30m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsNothingDelivered',
    what: 'it has never delivered anything',
    series: {
      [collector('exports_failure_total')]: '0+1x120',
      [`process_start_time_seconds{${HOST}}`]: '0x120',
    },
    at: '7m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsNothingDelivered',
    what: 'it has never delivered anything, and has died',
    series: {
      [collector('exports_failure_total')]: '0+1x10 stale',
      [`process_start_time_seconds{${HOST}}`]: '0x10 stale',
    },
    at: '30m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsNothingDelivered',
    what: 'it has begun five minutes ago, and never delivered',
    series: {
      [collector('exports_failure_total')]: '0+1x120',
      [`process_start_time_seconds{${HOST}}`]: '0x120',
    },
    at: '5m',
    fires: [],
  },
  {
    alert: 'MsbMetricsExportsFailing',
    what: 'one export of five fails',
    series: { ...WELL, [collector('exports_failure_total')]: '0+1.5x120' },
    at: '30m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsRestarting',
    what: 'it starts every four minutes, and never delivers',
    series: {
      [`process_start_time_seconds{${HOST}}`]: Array.from(
        { length: 120 },
        (_, minute) => 240 * Math.floor(minute / 4),
      ).join(' '),
    },
    at: '90m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsRestarting',
    what: 'it was restarted four times within an hour',
    series: {
      [`process_start_time_seconds{${HOST}}`]: Array.from(
        { length: 120 },
        (_, minute) => 900 * Math.floor(minute / 15),
      ).join(' '),
    },
    at: '90m',
    fires: [],
  },
  {
    alert: 'MsbMetricsExportsFailing',
    what: 'all fail, with waits of five minutes in between',
    series: {
      ...WELL,
      [collector('exports_success_total')]: '60x120',
      [collector('exports_failure_total')]: Array.from({ length: 120 }, (_, minute) =>
        Math.floor(minute / 5.4),
      ).join(' '),
    },
    at: '60m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsExportsFailing',
    what: 'one of twenty fails',
    series: { ...WELL, [collector('exports_failure_total')]: '0+0.3x120' },
    at: '30m',
    fires: [],
  },
  {
    alert: 'MsbMetricsSpoolNearlyFull',
    what: 'more than four fifths',
    series: { ...WELL, [collector('spool_bytes')]: '81x60', [collector('spool_max_bytes')]: '100x60' },
    at: '3m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsSpoolNearlyFull',
    what: 'four fifths',
    series: { ...WELL, [collector('spool_bytes')]: '80x60', [collector('spool_max_bytes')]: '100x60' },
    at: '30m',
    fires: [],
  },
  {
    alert: 'MsbMetricsDataDropped',
    what: 'a collection was dropped',
    series: { ...WELL, [collector('collections_dropped_total')]: '0x10 1x110' },
    at: '12m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsDataDropped',
    what: 'it pushes, and tells only after an outage of half an hour',
    series: { [`microsandbox_collector_collections_dropped_total{${PUSHED}}`]: '0x20 _x30 120x80' },
    at: '55m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsDataDropped',
    what: 'the first value of a new sidecar says so',
    series: { [`microsandbox_collector_collections_dropped_total{${PUSHED}}`]: '_x20 5x100' },
    at: '25m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsDataDropped',
    what: 'some were dropped long ago',
    series: { ...WELL, [collector('collections_dropped_total')]: '7x120' },
    at: '30m',
    fires: [],
  },
  {
    alert: 'MsbMetricsDataRefused',
    what: 'a collection was refused',
    series: { ...WELL, [collector('collections_rejected_total')]: '0x10 1x110' },
    at: '12m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsDataRefused',
    what: 'points were refused',
    series: {
      ...WELL,
      [collector('collections_rejected_total')]: '0x120',
      [collector('points_rejected_total')]: '0x10 20x110',
    },
    at: '12m',
    fires: [AT_HOST],
  },
  {
    alert: 'MsbMetricsDataRefused',
    what: 'nothing is refused any more',
    series: { ...WELL, [collector('points_rejected_total')]: '0x10 20x110' },
    at: '25m',
    fires: [],
  },
  {
    alert: 'MsbMetricsRegistryUnreadable',
    what: 'a registry may not be opened',
    series: { ...WELL, [`microsandbox_collector_registries{${HOST}, state="denied"}`]: '1x120' },
    at: '6m',
    fires: [{ ...AT_HOST, state: 'denied' }],
  },
  {
    alert: 'MsbMetricsRegistryUnreadable',
    what: 'one is read, and one is not there yet',
    series: {
      ...WELL,
      [`microsandbox_collector_registries{${HOST}, state="attached"}`]: '1x120',
      [`microsandbox_collector_registries{${HOST}, state="absent"}`]: '2x120',
      [`microsandbox_collector_registries{${HOST}, state="denied"}`]: '0x120',
    },
    at: '30m',
    fires: [],
  },
  {
    alert: 'MsbMetricsRowsSkipped',
    what: 'samples are too old',
    series: { ...WELL, [`microsandbox_collector_rows_skipped{${HOST}, reason="too_old"}`]: '2x120' },
    at: '11m',
    fires: [{ ...AT_HOST, reason: 'too_old' }],
  },
  {
    alert: 'MsbMetricsRowsSkipped',
    what: 'processes are gone, and a hang has passed',
    series: {
      ...WELL,
      [`microsandbox_collector_rows_skipped{${HOST}, reason="process_gone"}`]: '2x120',
      [`microsandbox_collector_rows_skipped{${HOST}, reason="too_old"}`]: '2x8 0x112',
    },
    at: '30m',
    fires: [],
  },
  {
    alert: 'MicrosandboxMemoryNearLimit',
    what: 'more than nine tenths of the limit',
    series: { [sandbox('memory_usage_bytes')]: '91x120', [sandbox('memory_limit_bytes')]: '100x120' },
    at: '11m',
    fires: [SANDBOX_ALONE],
  },
  {
    alert: 'MicrosandboxMemoryNearLimit',
    what: 'the same, while its labels change',
    series: {
      [sandbox('memory_usage_bytes').replace('}', ', build="1"}')]: '95x8 stale',
      [sandbox('memory_limit_bytes').replace('}', ', build="1"}')]: '100x8 stale',
      [sandbox('memory_usage_bytes').replace('}', ', build="2"}')]: '_x8 95x110',
      [sandbox('memory_limit_bytes').replace('}', ', build="2"}')]: '_x8 100x110',
    },
    at: '12m',
    fires: [SANDBOX_ALONE],
  },
  {
    alert: 'MicrosandboxMemoryNearLimit',
    what: 'nine tenths, and a sandbox without a limit',
    series: {
      [sandbox('memory_usage_bytes')]: '90x120',
      [sandbox('memory_limit_bytes')]: '100x120',
      [sandbox('memory_usage_bytes').replace('devbox', 'free')]: '90x120',
      [sandbox('memory_limit_bytes').replace('devbox', 'free')]: '0x120',
    },
    at: '30m',
    fires: [],
  },
  {
    alert: 'MicrosandboxCpuAtLimit',
    what: 'two vCPUs without a break',
    series: {
      [sandbox('cpu_utilization_ratio')]: '1.98 2.01 1.99 2.0 1.97 '.repeat(24).trim(),
      [sandbox('uptime_seconds')]: '0+60x120',
    },
    at: '40m',
    fires: [DEVBOX],
  },
  {
    alert: 'MicrosandboxCpuAtLimit',
    what: 'a build of two minutes has ended',
    series: {
      [sandbox('cpu_utilization_ratio')]: '_x30 1x2 stale',
      [sandbox('uptime_seconds')]: '_x30 0+60x2 stale',
    },
    at: '45m',
    fires: [],
  },
  {
    alert: 'MicrosandboxCpuAtLimit',
    what: 'much, and no whole number; little; and up and down',
    series: {
      [sandbox('cpu_utilization_ratio')]: '1.5x120',
      [sandbox('uptime_seconds')]: '9000+60x120',
      [sandbox('uptime_seconds').replace('devbox', 'idle')]: '9000+60x120',
      [sandbox('uptime_seconds').replace('devbox', 'busy')]: '9000+60x120',
      [sandbox('cpu_utilization_ratio').replace('devbox', 'idle')]: '0.01x120',
      [sandbox('cpu_utilization_ratio').replace('devbox', 'busy')]: '0.4 2 1 1.9 0.2 '.repeat(24).trim(),
    },
    at: '60m',
    fires: [],
  },
  {
    alert: 'MicrosandboxUpperNearlyFull',
    what: 'more than nine tenths are used',
    series: { [sandbox('upper_used_bytes')]: '91x120', [sandbox('upper_free_bytes')]: '9x120' },
    at: '11m',
    fires: [SANDBOX_ALONE],
  },
  {
    alert: 'MicrosandboxUpperNearlyFull',
    what: 'nine tenths are used',
    series: { [sandbox('upper_used_bytes')]: '90x120', [sandbox('upper_free_bytes')]: '10x120' },
    at: '30m',
    fires: [],
  },
  {
    alert: 'MicrosandboxVanished',
    what: 'one that had run for two hours is not reported any more',
    series: { ...WELL, [sandbox('uptime_seconds')]: '7200+60x20 stale' },
    at: '27m',
    fires: [{ instance: 'host', sandbox_name: 'devbox', sandbox_id: '1' }],
  },
  {
    alert: 'MicrosandboxVanished',
    what: 'one that ran for ten minutes has ended; one has another label now',
    series: {
      ...WELL,
      [sandbox('uptime_seconds')]: '0+60x10 stale',
      [`microsandbox_uptime_seconds{${SANDBOX}, team="a"}`.replace('devbox', 'moved')]: '7200+60x20 stale',
      [`microsandbox_uptime_seconds{${SANDBOX}, team="b"}`.replace('devbox', 'moved')]: '_x20 8400+60x100',
    },
    at: '30m',
    fires: [],
  },
  {
    alert: 'MicrosandboxVanished',
    what: 'sandboxes are pushed, and the backend is away',
    series: {
      ...WELL,
      [collector('last_success_timestamp_seconds')]: '0+60x20 1200x100',
      [sandbox('uptime_seconds')]: '7200+60x20 _x100',
    },
    at: '32m',
    fires: [],
  },
  {
    alert: 'MicrosandboxVanished',
    what: 'the sidecar has died: nobody knows of its sandboxes',
    series: {
      [collector('rows')]: '1x20 stale',
      [sandbox('uptime_seconds')]: '7200+60x20 stale',
    },
    at: '30m',
    fires: [],
  },
];
