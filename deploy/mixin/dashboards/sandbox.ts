import { CONFIG } from '../config.js';
import { dashboard, type Target } from './grafana.js';
import { series, stat } from './panels.js';
import { CHOSEN, HOST, LABEL } from './variables.js';

const ONE = `${CHOSEN}, sandbox_name=~"$sandbox"`;

const LEGEND = '{{sandbox_name}} ({{sandbox_id}}) on {{instance}}';

const metric = (name: string, what = ''): Target => ({
  expr: `microsandbox_${name}{${ONE}}`,
  legend: `${LEGEND}${what}`,
});

const rate = (name: string, what: string): Target => ({
  expr: `sandbox:microsandbox_${name}:rate5m{${ONE}}`,
  legend: `${LEGEND}${what}`,
});

/** One sandbox, or a few beside each other. */
export const SANDBOX = dashboard(
  'msb-metrics-sandbox',
  'microsandbox / Sandbox',
  'One sandbox, or a few beside each other.',
  [
    HOST,
    ...LABEL,
    {
      name: 'sandbox',
      label: 'Sandbox',
      query: `label_values(microsandbox_uptime_seconds{${CHOSEN}}, sandbox_name)`,
      isMulti: true,
    },
  ],
  [
    {
      title: 'Now',
      height: 5,
      panels: [
        stat('Uptime', 'At its last sample.', 's', `microsandbox_uptime_seconds{${ONE}}`, LEGEND),
        stat(
          'vCPUs in use',
          '2 is two vCPUs at full load.',
          'none',
          `microsandbox_cpu_utilization_ratio{${ONE}}`,
          LEGEND,
        ),
        {
          ...stat(
            'Share of the memory limit',
            '',
            'percentunit',
            `sandbox:microsandbox_memory_usage:ratio{${ONE}}`,
            LEGEND,
          ),
          max: 1,
          thresholds: [
            { color: 'green', value: null },
            { color: 'red', value: CONFIG.memoryNearLimit },
          ],
        },
        {
          ...stat(
            'Share of the upper filesystem',
            '',
            'percentunit',
            `sandbox:microsandbox_upper_used:ratio{${ONE}}`,
            LEGEND,
          ),
          max: 1,
          thresholds: [
            { color: 'green', value: null },
            { color: 'red', value: CONFIG.upperNearlyFull },
          ],
        },
      ],
    },
    {
      title: 'CPU and memory',
      panels: [
        series('vCPUs in use', '2 is two vCPUs at full load.', 'none', [metric('cpu_utilization_ratio')]),
        series('Memory', 'Resident memory, and the configured limit.', 'bytes', [
          metric('memory_usage_bytes', ' used'),
          metric('memory_limit_bytes', ' limit'),
        ]),
      ],
    },
    {
      title: 'Disk and network',
      panels: [
        series('Disk', 'Bytes a second.', 'Bps', [
          rate('disk_bytes_read', ' read'),
          rate('disk_bytes_written', ' written'),
        ]),
        series('Network', 'Bytes a second, as the guest sees it.', 'Bps', [
          rate('network_bytes_received', ' received'),
          rate('network_bytes_sent', ' sent'),
        ]),
      ],
    },
    {
      title: 'Upper filesystem and restarts',
      panels: [
        series(
          'Upper filesystem',
          'Used and free in the guest, and what its image takes on the host.',
          'bytes',
          [
            metric('upper_used_bytes', ' used'),
            metric('upper_free_bytes', ' free'),
            metric('upper_host_allocated_bytes', ' on the host'),
          ],
        ),
        series('Uptime', 'Falls to 0 at a restart.', 's', [metric('uptime_seconds')]),
      ],
    },
    {
      title: 'Labels',
      panels: [
        {
          type: 'table',
          title: 'Labels',
          description: "The sandboxes' labels, as they are in msb's catalog.",
          unit: 's',
          targets: [{ expr: `microsandbox_uptime_seconds{${ONE}}`, legend: '', isInstant: true }],
        },
      ],
    },
  ],
);
