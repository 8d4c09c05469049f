/** What the unit of a metric adds to its name. Source: the OpenTelemetry specification, "Prometheus and OpenMetrics". */
const SUFFIXES: Readonly<Record<string, string>> = { By: 'bytes', s: 'seconds', '1': 'ratio' };

/**
 * The name that Prometheus's OTLP receiver gives to a gauge: dots become underscores, and the unit is added unless the name
 * has it already.
 */
export function metricName({ name, unit }: { readonly name: string; readonly unit: string }): string {
  const words = name.split('.').flatMap((part) => part.split('_'));
  const suffix = SUFFIXES[unit];
  return (suffix === undefined || words.includes(suffix) ? words : [...words, suffix]).join('_');
}
