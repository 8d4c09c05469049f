/**
 * What an installation may have to change. Then `npm run mixin` renders all files again.
 */
export const CONFIG = {
  /** The sandboxes' series, wherever they come from: pushed over OTLP (`job` is `service.name`), or scraped. */
  sandboxes: 'job="microsandbox"',
  /** The sidecars' own series: of the health page that is scraped, or those that are pushed with the sandboxes'. */
  sidecars: 'job=~"msb-metrics|microsandbox"',
  /** Share of its memory limit from which a sandbox is near it. */
  memoryNearLimit: 0.9,
  /** Share of its upper filesystem from which it is nearly full. */
  upperNearlyFull: 0.9,
  /** How near the use of CPU must be to a whole number of vCPUs to be taken for a limit. */
  cpuTolerance: 0.05,
  /** Seconds that a sandbox has run before it is missed. */
  missedFromUptimeSeconds: 3_600,
  /** Share of exports that may fail. */
  failingExports: 0.1,
  /** Share of its maximal size from which a spool is nearly full. */
  spoolNearlyFull: 0.8,
  /** Seconds without a delivery: more than the longest `--flush-interval`, and `--collect-interval`, that your sidecars have. */
  nothingDeliveredSeconds: 300,
  /** Where the sections of the alerts are: docs/runbooks.md, as your people reach it. */
  runbooks: 'docs/runbooks.md',
} as const;
