import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/cli/flags/command-line.js';
import { parseDuration } from '../../src/cli/options/durations.js';
import { readHealthAddress } from '../../src/cli/options/listen-address.js';
import { OptionReader } from '../../src/cli/options/option-reader.js';
import { DELIVERY_DEFAULTS } from '../../src/defaults.js';

const file = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../deploy/systemd/${path}`, import.meta.url)), 'utf8');

/** The values of a unit by their keys, in their order. */
const settings = (path: string): Map<string, string[]> => {
  const values = new Map<string, string[]>();
  for (const [, key, value] of file(path).matchAll(/^([A-Za-z]+)=(.*)$/gmu)) {
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  return values;
};

const UNITS = ['msb-metrics.service', 'msb-metrics@.service', 'user/msb-metrics.service'];

describe.each(UNITS)('deploy/systemd/%s', (path) => {
  const unit = settings(path);

  it('starts a command line that is one, with the flags of the examples', () => {
    const [command] = unit.get('ExecStart') ?? [];
    const fromUnit = (unit.get('Environment') ?? []).map((each) => each.split('=').slice(1).join('='));
    const fromFile = /^#MSB_METRICS_FLAGS=(.*)$/mu.exec(file('environment'))?.[1] ?? '';
    for (const flags of [...fromUnit, fromFile, '']) {
      const words = command
        .replace('$MSB_METRICS_FLAGS', flags)
        .replace('$MSB_METRICS_HEADERS', '')
        .trim()
        .split(/\s+/u);
      expect(words[0]).toBe('/usr/local/bin/msb-metrics');
      const line = parseCommandLine(words.slice(1));
      expect(line.command?.name).toBe('otel');
      readHealthAddress(new OptionReader(line, {}));
    }
  });

  it('is told when it is ready and that it lives, and does not start again after bad input', () => {
    expect(Object.fromEntries(unit)).toMatchObject({
      Type: ['notify'],
      NotifyAccess: ['main'],
      Restart: ['on-failure'],
      RestartPreventExitStatus: ['2'],
      WatchdogSec: ['60s'],
    });
  });

  it('waits for an export under way and the drain', () => {
    const [text] = unit.get('TimeoutStopSec') ?? [];
    expect(parseDuration(text)).toBeGreaterThan(2 * DELIVERY_DEFAULTS.exportTimeoutMillis);
  });

  it.each([
    'RemoveIPC',
    'DynamicUser',
    'MemoryDenyWriteExecute',
    'PrivateIPC',
    'PrivatePIDs',
  ])('does not set %s, which would take the registry, the compiler or the processes away', (key) => {
    expect(unit.has(key)).toBe(false);
  });
});

describe('deploy/systemd', () => {
  it('gives each instance an identity of its own', () => {
    expect(settings('msb-metrics@.service').get('ExecStart')?.[0]).toContain('service.instance.id=%H-%i ');
    expect(settings('msb-metrics@.service').get('User')).toEqual(['%i']);
  });

  it('hands headers over as a credential, to the flag that the units leave a place for', () => {
    const dropIn = settings('msb-metrics.service.d/headers.conf');
    expect(dropIn.get('LoadCredential')).toEqual(['headers:/etc/msb-metrics/headers']);
    expect(dropIn.get('Environment')).toEqual(['MSB_METRICS_HEADERS=--header-file=%d/headers']);
    for (const path of ['msb-metrics.service', 'msb-metrics@.service']) {
      expect(settings(path).get('ExecStart')?.[0]).toContain(' $MSB_METRICS_HEADERS');
    }
  });

  it('keeps both system units the same in all that makes them safe', () => {
    const own = ['Description', 'User', 'EnvironmentFile', 'ExecStart', 'Environment', 'StateDirectory'];
    const safety = (path: string) => [...settings(path)].filter(([key]) => !own.includes(key));
    expect(safety('msb-metrics@.service')).toEqual(safety('msb-metrics.service'));
  });
});
