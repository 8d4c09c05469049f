import type { Collection, Snapshot } from '../../shm/collection.js';
import { printable } from '../printable.js';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes for people: `268.5 KiB`; whole bytes below a KiB, one decimal above, no unit above TiB. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.95 would be printed as 1024.0.
  while (unit < UNITS.length - 1 && (unit === 0 ? value >= 1024 : value >= 1023.95)) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** A duration for people: `12.3s` under a minute, else `2475m15s`. */
export function formatUptime(seconds: number): string {
  const tenths = Math.floor(seconds * 10);
  return tenths < 600
    ? `${(tenths / 10).toFixed(1)}s`
    : `${Math.floor(seconds / 60)}m${Math.floor(seconds % 60)}s`;
}

/** A Unix time in ms as `2026-05-30T02:44:31Z`. */
function formatTime(millis: number): string {
  const date = new Date(millis);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString().replace(/\.\d+Z$/u, 'Z');
}

const orDash = (value: number | undefined, format: (value: number) => string): string =>
  value === undefined ? '-' : format(value);

/** A name that could be taken for more than one field is quoted, and only such a name. */
const field = (name: string): string => quotedIf(/[\s="]|^$/u.test(name), name);

/** A key or a value that could be taken for more than one is quoted. An empty value stays empty. */
const word = (text: string): string => quotedIf(/[\s="{},]/u.test(text), text);

const quotedIf = (isAmbiguous: boolean, text: string): string =>
  isAmbiguous ? `"${printable(text.replace(/[\\"]/gu, '\\$&'))}"` : printable(text);

const pair = ([key, value]: readonly [string, string]): string => `${word(key)}=${word(value)}`;

/** One snapshot as one line, without its end. The name cannot leave the line, move the cursor or forge a field. */
export function formatSnapshot(snapshot: Snapshot): string {
  const { memoryUsedBytes, memoryLimitBytes, diskReadBytes, diskWrittenBytes } = snapshot;
  return [
    formatTime(snapshot.sampledAtMillis),
    `sandbox=${field(snapshot.name)}`,
    `id=${snapshot.sandboxId}`,
    `cpu=${orDash(snapshot.cpuUtilization, (ratio) => ratio.toFixed(6))}`,
    `mem=${orDash(memoryUsedBytes, formatBytes)} / ${orDash(memoryLimitBytes, formatBytes)}`,
    `disk_r=${orDash(diskReadBytes, formatBytes)}`,
    `disk_w=${orDash(diskWrittenBytes, formatBytes)}`,
    `net_rx=${orDash(snapshot.networkReceivedBytes, formatBytes)}`,
    `net_tx=${orDash(snapshot.networkSentBytes, formatBytes)}`,
    `uptime=${formatUptime(snapshot.uptimeSeconds)}`,
    ...(snapshot.labels.size === 0 ? [] : [`labels={${Array.from(snapshot.labels, pair).join(',')}}`]),
  ].join(' ');
}

/** A collection as lines, each with its line end: one for each snapshot, or one that says that there is none. */
export function formatCollection(collection: Collection): string {
  if (collection.size === 0) {
    return `${formatTime(collection.collectedAtMillis)} (no active sandboxes)\n`;
  }
  return Array.from(collection, (snapshot) => `${formatSnapshot(snapshot)}\n`).join('');
}
