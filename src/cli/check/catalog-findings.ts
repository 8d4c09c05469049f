import { catalogFacts } from '../../catalog/catalog-facts.js';
import type { Collection, CollectionsOptions } from '../../index.js';
import { trustedOwner } from '../../shm/trust.js';
import { type Finding, ok, warn } from './finding.js';

/** The most keys that are named, far more than a platform has. */
const MAX_KEYS = 1_000;

/** The most sandboxes with bad labels that have a line each. */
const MAX_BAD = 20;

/** What a reading and the catalog itself say of labels. Without labels the metrics arrive all the same. */
export function catalogFindings(
  collection: Collection,
  { msbHome, registryOwnerUid, labels }: CollectionsOptions,
): readonly Finding[] {
  if (labels === false) {
    return [ok('catalog', 'not looked at: --no-labels')];
  }
  const { path, state, message, migration } = catalogFacts(msbHome, trustedOwner(msbHome, registryOwnerUid));
  if (state !== 'read') {
    return [state === 'missing' && collection.size === 0 ? ok('catalog', message) : warn('catalog', message)];
  }
  if (collection.catalog !== undefined && collection.catalog.message !== '') {
    return [warn('catalog', collection.catalog.message)];
  }
  const bad = collection.catalog?.bad ?? [];
  return [
    ok('catalog', `${path}, newest migration ${migration ?? 'unknown'}`),
    ...bad
      .slice(0, MAX_BAD)
      .map(({ sandbox, reason }) =>
        warn('labels', `${sandbox} has none: ${reason}`, 'look at its configuration with msb inspect'),
      ),
    ...(bad.length > MAX_BAD ? [warn('labels', `${bad.length - MAX_BAD} more sandboxes have none`)] : []),
    ok('labels', labelsIn(collection)),
  ];
}

function labelsIn(collection: Collection): string {
  const values = new Map<string, Set<string>>();
  let labelled = 0;
  for (const { labels } of collection) {
    labelled += labels.size > 0 ? 1 : 0;
    for (const [key, value] of labels) {
      values.set(key, (values.get(key) ?? new Set()).add(value));
    }
  }
  const keys = Array.from(
    values,
    ([key, each]) => `${key} (${each.size} ${each.size === 1 ? 'value' : 'values'})`,
  );
  const more = keys.length > MAX_KEYS ? ` and ${keys.length - MAX_KEYS} more` : '';
  return `${labelled} of ${collection.size} sandboxes have labels${keys.length === 0 ? '' : `: ${keys.slice(0, MAX_KEYS).join(', ')}${more}`}`;
}
