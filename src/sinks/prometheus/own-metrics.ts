import type { Collection } from '../../shm/collection.js';
import type { RegistryState } from '../../shm/registry-status.js';
import { NO_SKIPPED_ROWS, type SkipReason } from '../../shm/skipped-rows.js';
import { VERSION } from '../../version.js';
import { snakeCase } from '../snake-case.js';

/** A metric of the sidecar on the page: its values by their labels. */
export interface PageMetric {
  readonly name: string;
  readonly description: string;
  readonly values: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

const STATES: readonly RegistryState[] = [
  'absent',
  'initialising',
  'attached',
  'unlinked',
  'refused',
  'denied',
  'untrusted',
  'failed',
  'unknown',
];

/** The state of the sidecar and of what it reads. Every state and reason has a value, also 0. */
export function ownMetrics({ registries, size, collectMillis }: Collection): readonly PageMetric[] {
  const reasons = Object.keys(NO_SKIPPED_ROWS) as SkipReason[];
  return [
    {
      name: 'microsandbox_collector_build_info',
      description: 'The version of msb-metrics. The value is always 1.',
      values: [{ labels: { version: VERSION }, value: 1 }],
    },
    {
      name: 'microsandbox_collector_registries',
      description: 'Registries of this MSB_HOME, by what the last reading found.',
      values: STATES.map((state) => ({
        labels: { state },
        value: registries.filter((registry) => registry.state === state).length,
      })),
    },
    {
      name: 'microsandbox_collector_rows',
      description: 'Sandboxes that the last reading reports.',
      values: [{ labels: {}, value: size }],
    },
    {
      name: 'microsandbox_collector_rows_skipped',
      description: 'Sandboxes that the last reading left out, by the reason.',
      values: reasons.map((reason) => ({
        labels: { reason: snakeCase(reason) },
        value: registries.reduce((sum, { skipped }) => sum + skipped[reason], 0),
      })),
    },
    {
      name: 'microsandbox_collector_read_duration_seconds',
      description: 'How long the last reading took.',
      values: [{ labels: {}, value: collectMillis / 1_000 }],
    },
  ];
}
