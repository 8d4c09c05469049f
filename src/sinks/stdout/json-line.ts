import type { Collection, Snapshot } from '../../shm/collection.js';
import { printableJson } from '../printable.js';
import { snakeCase } from '../snake-case.js';

/** The fields of a snapshot, by their names in JSON. A value that the runtime did not know is `null`. */
export function jsonFields(snapshot: Snapshot): Record<string, unknown> {
  const { labels, ...fields } = snapshot;
  const date = new Date(snapshot.sampledAtMillis);
  return {
    time: Number.isNaN(date.getTime()) ? null : date.toISOString(),
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [snakeCase(name), value ?? null])),
    labels: Object.fromEntries(labels),
  };
}

/** A collection as lines of JSON, one a snapshot, each with its line end. Empty for a collection without snapshots. */
export function formatCollectionAsJson(collection: Collection): string {
  return Array.from(collection, (snapshot) => `${printableJson(jsonFields(snapshot))}\n`).join('');
}
