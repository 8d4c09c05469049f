import { printable } from '../../index.js';
import { printableJson } from '../../sinks/printable.js';
import type { Finding } from './finding.js';
import type { RegistryFacts } from './registry-facts.js';

/** All that a check found. */
export interface CheckDocument {
  readonly findings: readonly Finding[];
  readonly registries: readonly RegistryFacts[];
}

/** Whether nothing keeps metrics from arriving. */
export const isWell = ({ findings }: CheckDocument): boolean =>
  findings.every(({ status }) => status !== 'fail');

const WORDS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

/** A line a finding. */
export function asText({ findings }: CheckDocument): string {
  return findings
    .map(({ check, status, message, remedy }) =>
      printable(`${WORDS[status]} ${check}: ${message}${remedy === undefined ? '' : `: ${remedy}`}`),
    )
    .join('\n');
}

/**
 * One JSON document on one line: `ok`; `checks`, each with `check`, `status` (`ok`, `warn` or `fail`), `message` and
 * `remedy` (`null` for none); and `registries`, with what is known of each.
 */
export function asJson(document: CheckDocument): string {
  return printableJson({
    ok: isWell(document),
    checks: document.findings.map(({ check, status, message, remedy = null }) => ({
      check,
      status,
      message,
      remedy,
    })),
    registries: document.registries,
  });
}
