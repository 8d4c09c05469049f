import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelled } from '../../../src/shm/collection.js';
import { runAttributes } from '../../../src/sinks/otlp/encoding/attributes.js';
import { attributesByLabelName, labelName } from '../../../src/sinks/prometheus/label-names.js';
import { pageWriter } from '../../../src/sinks/prometheus/page.js';
import { collectionOf, sandboxRun } from '../../support/collections.js';
import { runs } from '../../support/runs.js';

const withLabels = (labels: readonly (readonly [string, string])[]) =>
  labelled(sandboxRun(), new Map(labels));

const named = (labels: readonly (readonly [string, string])[]) =>
  attributesByLabelName(runAttributes(withLabels(labels), {}));

describe('the name of a label', () => {
  it.each([
    ['user.id', 'user_id'],
    ['user_id', 'user_id'],
    ['a--b', 'a_b'],
    ['1st', 'key_1st'],
    ['_private', 'key_private'],
    ['__name__', 'key_name_'],
    ['', 'key_'],
    ['.', 'key_'],
    ['ünï', 'key_n_'],
  ])('%j is %s', (key, name) => {
    expect(labelName(key)).toBe(name);
  });
});

describe('labels on a page', () => {
  it('of keys that become one name are joined, in the order of the keys', () => {
    expect(
      named([
        ['user-id', 'a'],
        ['user.id', 'b'],
        ['user_id', 'c'],
      ]),
    ).toEqual({
      sandbox_name: 'devbox',
      sandbox_id: '33',
      user_id: 'a;b;c',
    });
  });

  it('never take the place of ours', () => {
    expect(
      named([
        ['sandbox_name', 'evil'],
        ['sandbox-id', '1'],
      ]),
    ).toEqual({
      sandbox_name: 'devbox',
      sandbox_id: '33',
    });
  });

  it('of any key and value leave a page that Prometheus can read', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('', '__proto__', 'a.b', 'a_b', '"', '\\', '\n', '\r', '\u0000', '1', '__name__', 'le'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 8 }), (labels) => {
        const page = pageWriter({})(collectionOf([withLabels(labels)], 1_790_000_060_000, () => 5));
        const line = page.split('\n').find((each) => each.startsWith('microsandbox_memory_usage_bytes{'));
        const names: string[] = [];
        const rest = (line ?? '').replace(
          /([a-zA-Z][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)",?/gu,
          (_, name: string) => {
            names.push(name);
            return '';
          },
        );
        expect(rest).toBe('microsandbox_memory_usage_bytes{} 5');
        expect(new Set(names).size).toBe(names.length);
        expect(names.slice(0, 2)).toEqual(['sandbox_name', 'sandbox_id']);
      }),
      runs(500),
    );
  });
});
