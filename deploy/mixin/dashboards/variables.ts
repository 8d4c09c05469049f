import { CONFIG } from '../config.js';
import type { Variable } from './grafana.js';

const { sandboxes } = CONFIG;

/** The host: `instance` of the series. */
export const HOST: Variable = {
  name: 'host',
  label: 'Host',
  query: `label_values(microsandbox_uptime_seconds{${sandboxes}}, instance)`,
  isMulti: true,
};

/** A label of sandboxes to choose by, and its values. */
export const LABEL: readonly Variable[] = [
  {
    name: 'label',
    label: 'Label',
    query: 'label_names(microsandbox_uptime_seconds)',
    isMulti: false,
    initial: 'sandbox_name',
    regex: '/^(?!__name__$|job$|instance$|sandbox_id$|sandbox_pid$|sandbox_run_id$).*/',
  },
  {
    name: 'value',
    label: 'Value',
    query: `label_values(microsandbox_uptime_seconds{${sandboxes}, instance=~"$host"}, $label)`,
    isMulti: true,
  },
];

/** The matchers of the chosen sandboxes, and those of the chosen hosts' sidecars. */
export const CHOSEN = `${sandboxes}, instance=~"$host", $label=~"$value"`;
export const CHOSEN_SIDECARS = `${CONFIG.sidecars}, instance=~"$host"`;
