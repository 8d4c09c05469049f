/** The part of Grafana's dashboard model (schema version 39, Grafana 10.4 and newer) that these dashboards use. */

/** A query of a panel. */
export interface Target {
  readonly expr: string;
  /** How a series is called. */
  readonly legend: string;
  /** Only the newest values. Default: over the time of the dashboard. */
  readonly isInstant?: boolean;
}

/** A panel, before it has its place. */
export interface Panel {
  readonly type: 'stat' | 'timeseries' | 'heatmap' | 'table' | 'bargauge';
  readonly title: string;
  readonly description: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly targets: readonly Target[];
  /** Of 24 columns. Default: the row is shared equally. */
  readonly width?: number;
  /** The greatest value, where there is one. */
  readonly max?: number;
  /** Values from which a colour changes. Default: none. */
  readonly thresholds?: readonly { readonly color: string; readonly value: number | null }[];
}

/** Panels beside each other, under a heading. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
  /** Of 30 pixels each. Default 8. */
  readonly height?: number;
}

/** A variable at the top of a dashboard. */
export interface Variable {
  readonly name: string;
  readonly label: string;
  /** A query of label values or names. */
  readonly query: string;
  readonly isMulti: boolean;
  /** The value at first. Default: all. */
  readonly initial?: string;
  /** Names that are not offered. */
  readonly regex?: string;
}

const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

function panelOf(panel: Panel, id: number, gridPos: Record<'h' | 'w' | 'x' | 'y', number>) {
  const { type, title, description, unit, targets, max, thresholds } = panel;
  return {
    id,
    type,
    title,
    description,
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(max === undefined ? {} : { max }),
        ...(thresholds === undefined ? {} : { thresholds: { mode: 'absolute', steps: thresholds } }),
        custom:
          type === 'timeseries'
            ? { lineWidth: 1, fillOpacity: 8, showPoints: 'never', spanNulls: false }
            : {},
      },
      overrides: [],
    },
    options: OPTIONS[type],
    targets: targets.map(({ expr, legend, isInstant = false }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
      instant: isInstant,
      range: !isInstant,
      format: type === 'table' ? 'table' : type === 'heatmap' ? 'heatmap' : 'time_series',
    })),
    ...(type === 'table'
      ? { transformations: [{ id: 'organize', options: { excludeByName: { Time: true } } }] }
      : {}),
  };
}

const OPTIONS: Record<Panel['type'], unknown> = {
  stat: {
    colorMode: 'value',
    graphMode: 'area',
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  },
  timeseries: {
    legend: {
      displayMode: 'table',
      placement: 'right',
      calcs: ['lastNotNull', 'max'],
      sortBy: 'Last *',
      sortDesc: true,
    },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
  heatmap: {
    calculate: false,
    cellGap: 1,
    color: { mode: 'scheme', scheme: 'Oranges', steps: 64 },
    yAxis: { axisPlacement: 'left' },
    tooltip: { mode: 'single', yHistogram: false },
  },
  table: { showHeader: true, cellHeight: 'sm' },
  bargauge: {
    orientation: 'horizontal',
    displayMode: 'basic',
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  },
};

function variableOf({ name, label, query, isMulti, initial, regex = '' }: Variable) {
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: name },
    definition: query,
    regex,
    multi: isMulti,
    includeAll: isMulti,
    ...(isMulti ? { allValue: '.*' } : {}),
    current: isMulti
      ? { text: 'All', value: '$__all' }
      : initial === undefined
        ? {}
        : { text: initial, value: initial },
    refresh: 2,
    sort: 1,
  };
}

/** A dashboard as Grafana imports it. */
export function dashboard(
  uid: string,
  title: string,
  description: string,
  variables: readonly Variable[],
  rows: readonly Row[],
) {
  let id = 0;
  let y = 0;
  const panels = rows.flatMap(({ title: heading, panels: beside, height = 8 }) => {
    const row = {
      id: ++id,
      type: 'row',
      title: heading,
      collapsed: false,
      panels: [],
      gridPos: { h: 1, w: 24, x: 0, y },
    };
    let x = 0;
    const placed = beside.map((panel) => {
      const w = panel.width ?? Math.floor(24 / beside.length);
      const made = panelOf(panel, ++id, { h: height, w, x, y: y + 1 });
      x += w;
      return made;
    });
    y += height + 1;
    return [row, ...placed];
  });
  return {
    uid,
    title,
    description,
    tags: ['microsandbox'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    links: [
      {
        type: 'dashboards',
        title: 'microsandbox',
        tags: ['microsandbox'],
        asDropdown: false,
        includeVars: true,
        keepTime: true,
      },
    ],
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: {} },
        ...variables.map(variableOf),
      ],
    },
    annotations: { list: [] },
    panels,
  };
}
