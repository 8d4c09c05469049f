import { expect, it } from 'vitest';
import { render } from '../../demo/screen.js';
import { SimulatedSandbox } from '../simulator/sandbox.js';
import { Ledger } from '../support/ledger.js';

it('the demo fits a terminal of 80 columns and 24 lines', () => {
  const ledger = new Ledger();
  for (let index = 0; index < 20; index++) {
    const sandbox = new SimulatedSandbox(index);
    for (let second = 0; second < 100; second++) {
      const sample = sandbox.next(1_790_000_000_000 + second * 1_000);
      ledger.write(`sandbox-${index}`, sample);
      ledger.lastArrivedMillis.set(`sandbox-${index}`, sample.sampledAtMillis);
    }
  }
  const lines = render(ledger, 'SIGTERM to msb-metrics: draining', 20);
  expect(lines.join('\n')).toContain('sandbox-7');
  // The last lines of the demo come below.
  expect(lines.length).toBeLessThanOrEqual(21);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
});
