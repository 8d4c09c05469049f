import type { Panel, Target } from './grafana.js';

/** A panel of lines over time. */
export const series = (
  title: string,
  description: string,
  unit: string,
  targets: readonly Target[],
  more: Partial<Panel> = {},
): Panel => ({ type: 'timeseries', title, description, unit, targets, ...more });

/** A panel of one number, or one a series. */
export const stat = (
  title: string,
  description: string,
  unit: string,
  expr: string,
  legend = title,
): Panel => ({ type: 'stat', title, description, unit, targets: [{ expr, legend }] });
