import type { Collection } from '../../shm/collection.js';
import type { RegistryState } from '../../shm/registry-status.js';
import { sumOfSkipped } from '../../shm/skipped-rows.js';
import { VERSION } from '../../version.js';
import { snakeCase } from '../snake-case.js';

/** A metric of the sidecar on the page: its values by their labels. */
export interface PageMetric {
  readonly name: string;
  /** Default `gauge`. A counter's name ends in `_total`. */
  readonly type?: 'gauge' | 'counter';
  readonly description: string;
  readonly values: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** A metric of one value without labels. Without a value it is not on the page. */
export const single = (
  name: string,
  description: string,
  value: number | undefined,
  type: PageMetric['type'] = 'gauge',
): PageMetric => ({
  name,
  type,
  description,
  values: value === undefined ? [] : [{ labels: {}, value }],
});

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

/** Which program this is. */
export const BUILD_INFO: PageMetric = {
  name: 'microsandbox_collector_build_info',
  description: 'The version of msb-metrics. The value is always 1.',
  values: [{ labels: { version: VERSION }, value: 1 }],
};

/** The state of the sidecar and of what it reads. Every state and reason has a value, also 0. */
export function ownMetrics({
  registries,
  size,
  collectMillis,
}: Pick<Collection, 'registries' | 'size' | 'collectMillis'>): readonly PageMetric[] {
  const skipped = sumOfSkipped(registries.map((registry) => registry.skipped));
  return [
    BUILD_INFO,
    {
      name: 'microsandbox_collector_registries',
      description: 'Registries of this MSB_HOME, by what the last reading found.',
      values: STATES.map((state) => ({
        labels: { state },
        value: registries.filter((registry) => registry.state === state).length,
      })),
    },
    single('microsandbox_collector_rows', 'Sandboxes that the last reading reports.', size),
    {
      name: 'microsandbox_collector_rows_skipped',
      description: 'Sandboxes that the last reading left out, by the reason.',
      values: Object.entries(skipped).map(([reason, value]) => ({
        labels: { reason: snakeCase(reason) },
        value,
      })),
    },
    single(
      'microsandbox_collector_read_duration_seconds',
      'How long the last reading took.',
      collectMillis / 1_000,
    ),
  ];
}
