import { CONFIG } from '../config.js';
import { dashboard, type Target } from './grafana.js';
import { series, stat } from './panels.js';
import { CHOSEN, CHOSEN_SIDECARS, HOST, LABEL } from './variables.js';

/** Legible at any number of sandboxes: the greatest few by name, and all of them as a distribution. */
const TOP = 10;

const top = (expr: string): Target => ({
  expr: `topk(${TOP}, ${expr})`,
  legend: '{{sandbox_name}} ({{sandbox_id}}) on {{instance}}',
});

const byHost = (expr: string): Target => ({ expr: `sum by (instance) (${expr})`, legend: '{{instance}}' });

/** How many sandboxes have a value between two bounds: a bucket a query. */
const distribution = (
  series: string,
  bounds: readonly number[],
  labelOf: (bound: number) => string,
): Target[] =>
  bounds.map((bound, index) => ({
    expr: `sum((${series} > bool ${bounds[index - 1] ?? -1}) * (${series} <= bool ${bound}))`,
    legend: labelOf(bound),
  }));

const percent = (bound: number): string => `${bound * 100} %`;

const cpu = `microsandbox_cpu_utilization_ratio{${CHOSEN}}`;
const memory = `sandbox:microsandbox_memory_usage:ratio{${CHOSEN}}`;
const upper = `sandbox:microsandbox_upper_used:ratio{${CHOSEN}}`;
const rate = (name: string): string => `sandbox:microsandbox_${name}:rate5m{${CHOSEN}}`;

const ALERTING = [
  { color: 'green', value: null },
  { color: 'red', value: 1 },
];

/** All sandboxes of all hosts. */
export const FLEET = dashboard(
  'msb-metrics-fleet',
  'microsandbox / Fleet',
  'All sandboxes of all hosts, and the sidecars that watch them.',
  [HOST, ...LABEL],
  [
    {
      title: 'Fleet',
      height: 5,
      panels: [
        stat(
          'Hosts',
          'Hosts with a sandbox.',
          'none',
          `count(count by (instance) (microsandbox_uptime_seconds{${CHOSEN}}))`,
        ),
        stat('Sandboxes', 'Sandboxes that run.', 'none', `count(microsandbox_uptime_seconds{${CHOSEN}})`),
        stat('vCPUs in use', '2 is two vCPUs at full load.', 'none', `sum(${cpu})`),
        stat(
          'Memory in use',
          'Resident memory of all sandboxes.',
          'bytes',
          `sum(microsandbox_memory_usage_bytes{${CHOSEN}})`,
        ),
        {
          ...stat(
            'Near the memory limit',
            `Sandboxes that use more than ${percent(CONFIG.memoryNearLimit)} of their memory.`,
            'none',
            `sum(${memory} > bool ${CONFIG.memoryNearLimit})`,
          ),
          thresholds: ALERTING,
        },
        {
          ...stat(
            'Upper filesystem nearly full',
            `Sandboxes whose upper filesystem is more than ${percent(CONFIG.upperNearlyFull)} full.`,
            'none',
            `sum(${upper} > bool ${CONFIG.upperNearlyFull})`,
          ),
          thresholds: ALERTING,
        },
      ],
    },
    {
      title: 'CPU',
      panels: [
        series('vCPUs in use by host', 'Sum over the sandboxes of a host.', 'none', [byHost(cpu)]),
        series(`Top ${TOP} by CPU`, '2 is two vCPUs at full load.', 'none', [top(cpu)]),
        {
          type: 'heatmap',
          title: 'Sandboxes by vCPUs in use',
          description: 'How many sandboxes use up to so many vCPUs, and more than the line below.',
          unit: 'none',
          targets: distribution(cpu, [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 4, 8, 1e9], (bound) =>
            bound === 1e9 ? 'more' : String(bound),
          ),
        },
      ],
    },
    {
      title: 'Memory',
      panels: [
        series('Memory in use by host', 'Sum over the sandboxes of a host.', 'bytes', [
          byHost(`microsandbox_memory_usage_bytes{${CHOSEN}}`),
        ]),
        series(
          `Top ${TOP} by share of the memory limit`,
          'Resident memory by the configured limit.',
          'percentunit',
          [top(memory)],
          {
            max: 1,
          },
        ),
        {
          type: 'heatmap',
          title: 'Sandboxes by share of the memory limit',
          description:
            'How many sandboxes use up to such a share of their limit, and more than the line below.',
          unit: 'none',
          targets: distribution(memory, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1e9], (bound) =>
            bound === 1e9 ? 'more' : percent(bound),
          ),
        },
      ],
    },
    {
      title: 'Disk and network',
      panels: [
        series('Disk by host', 'Bytes a second, read and written.', 'Bps', [
          { ...byHost(rate('disk_bytes_read')), legend: '{{instance}} read' },
          { ...byHost(rate('disk_bytes_written')), legend: '{{instance}} written' },
        ]),
        series(`Top ${TOP} by disk`, 'Bytes a second, read and written together.', 'Bps', [
          top(`${rate('disk_bytes_read')} + ${rate('disk_bytes_written')}`),
        ]),
        series('Network by host', 'Bytes a second, as the guests see it.', 'Bps', [
          { ...byHost(rate('network_bytes_received')), legend: '{{instance}} received' },
          { ...byHost(rate('network_bytes_sent')), legend: '{{instance}} sent' },
        ]),
        series(`Top ${TOP} by network`, 'Bytes a second, received and sent together.', 'Bps', [
          top(`${rate('network_bytes_received')} + ${rate('network_bytes_sent')}`),
        ]),
      ],
    },
    {
      title: 'Upper filesystem',
      panels: [
        series(
          `Top ${TOP} by share of the upper filesystem`,
          'Used, of used and free.',
          'percentunit',
          [top(upper)],
          { max: 1 },
        ),
        series(
          'Allocated on the host',
          'Bytes that the images of upper filesystems take on a host.',
          'bytes',
          [byHost(`microsandbox_upper_host_allocated_bytes{${CHOSEN}}`)],
        ),
      ],
    },
    {
      title: 'Sidecars: delivery',
      panels: [
        series('Exports', 'Requests a second, acknowledged and failed.', 'reqps', [
          {
            expr: `max by (instance) (instance:microsandbox_collector_exports_success:rate15m{${CHOSEN_SIDECARS}})`,
            legend: '{{instance}} acknowledged',
          },
          {
            expr: `max by (instance) (instance:microsandbox_collector_exports_failure:rate15m{${CHOSEN_SIDECARS}})`,
            legend: '{{instance}} failed',
          },
        ]),
        series('Time since the last success', 'Of the newest acknowledged export.', 's', [
          {
            expr: `time() - max by (instance) (microsandbox_collector_last_success_timestamp_seconds{${CHOSEN_SIDECARS}})`,
            legend: '{{instance}}',
          },
        ]),
        series('Collections that wait', 'Held for the backend, or on their way.', 'none', [
          {
            expr: `max by (instance) (microsandbox_collector_collections_held{${CHOSEN_SIDECARS}})`,
            legend: '{{instance}}',
          },
        ]),
        series('Spool', 'Bytes on disk that wait for the backend.', 'bytes', [
          {
            expr: `max by (instance) (microsandbox_collector_spool_bytes{${CHOSEN_SIDECARS}})`,
            legend: '{{instance}}',
          },
        ]),
        series(
          'Lost data',
          'Within 10 minutes: collections dropped, collections refused, points refused.',
          'none',
          [
            ...['collections_dropped', 'collections_rejected', 'points_rejected'].map((name) => ({
              expr: `max by (instance) (increase(microsandbox_collector_${name}_total{${CHOSEN_SIDECARS}}[10m]))`,
              legend: `{{instance}} ${name.replace('_', ' ')}`,
            })),
          ],
        ),
      ],
    },
    {
      title: 'Sidecars: reading',
      panels: [
        series('Sandboxes reported', 'By the last reading.', 'none', [
          {
            expr: `max by (instance) (microsandbox_collector_rows{${CHOSEN_SIDECARS}})`,
            legend: '{{instance}}',
          },
        ]),
        series('Sandboxes left out', 'By the last reading, by the reason.', 'none', [
          {
            expr: `max by (instance, reason) (microsandbox_collector_rows_skipped{${CHOSEN_SIDECARS}})`,
            legend: '{{instance}} {{reason}}',
          },
        ]),
        series('Duration of a reading', 'Of the last one.', 's', [
          {
            expr: `max by (instance) (microsandbox_collector_read_duration_seconds{${CHOSEN_SIDECARS}})`,
            legend: '{{instance}}',
          },
        ]),
        {
          type: 'table',
          title: 'Registries',
          description: 'By what the last reading found.',
          unit: 'none',
          targets: [
            {
              expr: `max by (instance, state) (microsandbox_collector_registries{${CHOSEN_SIDECARS}}) > 0`,
              legend: '',
              isInstant: true,
            },
          ],
        },
      ],
    },
    {
      title: 'Sidecars: cost',
      panels: [
        series('CPU', 'Share of a core.', 'percentunit', [
          {
            expr: `max by (instance) (rate(process_cpu_seconds_total{${CHOSEN_SIDECARS}}[$__rate_interval]))`,
            legend: '{{instance}}',
          },
        ]),
        series('Resident memory', '', 'bytes', [
          {
            expr: `max by (instance) (process_resident_memory_bytes{${CHOSEN_SIDECARS}})`,
            legend: '{{instance}}',
          },
        ]),
      ],
    },
  ],
);
