import { type Labels, NO_LABELS } from '../shm/collection.js';

/** Keys that begin so are not the tenant's: a label never takes the place of an attribute of ours. */
const RESERVED = ['sandbox.', 'microsandbox.', 'service.'];

/** The most bytes of a sandbox's labels, keys and values: they are written with every data point. 64 KiB. */
export const MAX_LABEL_BYTES = 64 * 1024;

/** Labels that cannot be used. The message never has one of them. */
export class LabelError extends Error {
  override readonly name = 'LabelError';
}

/**
 * Reads the labels of a sandbox's configuration.
 *
 * @param json the value of `$.labels`; `null` where there is none
 * @param excluded keys to leave out
 * @throws {LabelError} for what is no object of texts, and for labels that are too large
 */
export function parseLabels(json: string | null, excluded: ReadonlySet<string>): Labels {
  if (json === null) {
    return NO_LABELS;
  }
  const parsed: unknown = JSON.parse(json);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new LabelError('its labels are no object');
  }
  const entries = Object.entries(parsed);
  if (entries.some(([, value]) => typeof value !== 'string')) {
    throw new LabelError('the value of a label is no text');
  }
  const bytes = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value as string),
    0,
  );
  if (bytes > MAX_LABEL_BYTES) {
    throw new LabelError(`its labels have ${bytes} bytes: expected ${MAX_LABEL_BYTES} at most`);
  }
  const kept = entries.filter(
    ([key]) => key !== '' && !RESERVED.some((prefix) => key.startsWith(prefix)) && !excluded.has(key),
  );
  return new Map(
    kept
      .map(([key, value]) => [wellFormed(key), wellFormed(value as string)] as const)
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
}

/** JSON can name halves of characters, which no UTF-8 has. */
const wellFormed = (text: string): string => (text as unknown as { toWellFormed(): string }).toWellFormed();
