import { formatBytes } from '../src/sinks/stdout/line.js';
import type { Ledger } from '../test/support/ledger.js';

const SHOWN = 8;
const BAR_WIDTH = 40;

const count = (value: number): string => value.toLocaleString('en-US').padStart(9);
const time = (millis: number | undefined): string =>
  millis === undefined ? '-' : new Date(millis).toISOString().slice(11, 21);

/** The state of the demo as lines, for a terminal of 80 columns and 24 lines. */
export function render(ledger: Ledger, phase: string, secondsLeft: number): string[] {
  const filled = ledger.written === 0 ? 0 : Math.floor((ledger.arrived / ledger.written) * BAR_WIDTH);
  const rows = [...ledger.lastWritten].slice(0, SHOWN).map(([name, sample]) => {
    const cpu = sample.cpuPercent === undefined ? '-' : (sample.cpuPercent / 100).toFixed(3);
    const memory = formatBytes(sample.memoryUsedBytes ?? 0).padStart(10);
    const arrived = time(ledger.lastArrivedMillis.get(name));
    return `  ${name}  cpu ${cpu.padStart(6)}  mem ${memory}  taken ${time(sample.sampledAtMillis)}  arrived ${arrived}`;
  });
  const more = ledger.lastWritten.size - SHOWN;
  return [
    'simulated sandboxes -> shared memory -> msb-metrics otel -> OTLP on loopback',
    '',
    ...rows,
    ...(more > 0 ? [`  ... and ${more} more`] : []),
    '',
    `  data points written   ${count(ledger.written)}`,
    `  data points arrived   ${count(ledger.arrived)}  [${'#'.repeat(filled).padEnd(BAR_WIDTH, '.')}]`,
    `  on their way          ${count(ledger.missing)}`,
    `  twice / wrong / alien ${count(ledger.duplicated)} / ${ledger.wrong} / ${ledger.unknown}`,
    `  requests              ${count(ledger.requests)}  (${formatBytes(ledger.bytes)})`,
    '',
    `  ${phase}${secondsLeft > 0 ? `, ${secondsLeft} s left; Ctrl-C ends it` : ''}`,
  ];
}

/** Shows lines: on a terminal in place, elsewhere one summary at a time. */
export function show(lines: readonly string[]): void {
  if (process.stdout.isTTY) {
    process.stdout.write(`\u001b[H\u001b[J${lines.join('\n')}\n`);
  } else {
    const figures = lines
      .filter((line) => /points|way|twice|left|drain/u.test(line))
      .map((line) => line.trim());
    process.stdout.write(
      `${figures
        .join('; ')
        .replace(/ +/gu, ' ')
        .replace(/\[[#.]*\]/u, '')}\n`,
    );
  }
}
