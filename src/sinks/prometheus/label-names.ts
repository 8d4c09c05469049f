import type { RunAttributeEntries } from '../otlp/encoding/attributes.js';

/** A label of Prometheus may have no other characters. */
const INVALID = /[^a-zA-Z0-9_]/gu;

/**
 * The label name that Prometheus's OTLP receiver gives to an attribute. Source: NormalizeLabel of
 * github.com/prometheus/otlptranslator.
 */
export function labelName(key: string): string {
  const name = key.replace(INVALID, '_').replace(/_{2,}/gu, '_');
  return /^\d/u.test(name) || /^_/u.test(name) || name === '' ? `key_${name.replace(/^_/u, '')}` : name;
}

/**
 * Attributes by the names that Prometheus gives them. Two keys can become one name, and a name that comes twice would make
 * Prometheus refuse the whole page: ours win; the values of others are joined by `;`, in the order of their keys, as
 * Prometheus's OTLP receiver does.
 */
export function attributesByLabelName({ identity, labels }: RunAttributeEntries): Record<string, string> {
  const ours = new Map(identity.map(([key, value]) => [labelName(key), String(value)]));
  const theirs = new Map<string, string>();
  for (const [key, value] of labels) {
    const name = labelName(key);
    const before = theirs.get(name);
    if (!ours.has(name)) {
      theirs.set(name, before === undefined ? value : `${before};${value}`);
    }
  }
  return Object.fromEntries([...ours, ...theirs]);
}
