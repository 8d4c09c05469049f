import type { dashboard } from './grafana.js';

/** Puts values into the variables of a query, as Grafana does. */
export function withVariables(query: string, values: Readonly<Record<string, string>>): string {
  return query.replace(/\$(\w+)/gu, (variable, name: string) => values[name] ?? variable);
}

/** All of a dashboard: no variable narrows anything. */
export const EVERYTHING: Readonly<Record<string, string>> = {
  host: '.*',
  sandbox: '.*',
  label: 'sandbox_name',
  value: '.*',
  __rate_interval: '1m',
};

/** The panels of a dashboard under their headings. */
export function rowsOf({ panels }: ReturnType<typeof dashboard>) {
  const rows: {
    title: string;
    panels: Exclude<(typeof panels)[number], { readonly collapsed: boolean }>[];
  }[] = [];
  for (const panel of panels) {
    if ('collapsed' in panel) {
      rows.push({ title: panel.title, panels: [] });
    } else {
      rows.at(-1)?.panels.push(panel);
    }
  }
  return rows;
}

/** The metrics and recorded series that a query names. */
export const metricsIn = (expr: string): readonly string[] => [
  ...new Set(
    [
      ...expr.matchAll(
        /\b(?:(?:sandbox|instance):\w+:\w+|microsandbox_\w+|process_\w+_(?:seconds|bytes)(?:_total)?)/gu,
      ),
    ].map(([name]) => name),
  ),
];
