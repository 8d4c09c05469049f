import { describe, expect, it } from 'vitest';
import { Collection } from '../../../src/index.js';
import { SANDBOX_METRICS } from '../../../src/sinks/otlp/encoding/metrics.js';
import { metricName } from '../../../src/sinks/prometheus/metric-name.js';
import { pageWriter } from '../../../src/sinks/prometheus/page.js';
import { collectionOf, sandboxRun, sandboxRuns } from '../../support/collections.js';

const lines = (page: string): string[] => page.split('\n');

describe('the names', () => {
  it("are those that Prometheus's OTLP receiver makes of the same metrics", () => {
    expect(SANDBOX_METRICS.map(metricName)).toEqual([
      'microsandbox_cpu_utilization_ratio',
      'microsandbox_memory_usage_bytes',
      'microsandbox_memory_limit_bytes',
      'microsandbox_disk_bytes_read',
      'microsandbox_disk_bytes_written',
      'microsandbox_network_bytes_received',
      'microsandbox_network_bytes_sent',
      'microsandbox_uptime_seconds',
      'microsandbox_upper_used_bytes',
      'microsandbox_upper_free_bytes',
      'microsandbox_upper_host_allocated_bytes',
    ]);
  });
});

describe('a page', () => {
  it('has a line a sandbox and known value, with its labels, under HELP and TYPE', () => {
    const collection = collectionOf(sandboxRuns(2), 1_790_000_060_000, (row, column) =>
      row === 1 && column === 1 ? Number.NaN : 5 + row,
    );
    const page = lines(pageWriter({})(collection));
    expect(page).toContain('# TYPE microsandbox_memory_usage_bytes gauge');
    expect(page).toContain('# HELP microsandbox_memory_usage_bytes Resident memory.');
    expect(page).toContain('microsandbox_memory_limit_bytes{sandbox_name="sandbox-0",sandbox_id="1"} 5');
    expect(page).toContain('microsandbox_memory_limit_bytes{sandbox_name="sandbox-1",sandbox_id="2"} 6');
    expect(page.filter((line) => /^(target_info|.*otel_scope|# UNIT)/u.test(line))).toEqual([]);
  });

  it('adds the times of samples, and attributes, when told to', () => {
    const page = pageWriter({ timestamps: true, emitRunId: true, emitPid: true })(
      collectionOf([sandboxRun()], 1_790_000_060_123, () => 5),
    );
    expect(page).toContain(
      'microsandbox_memory_limit_bytes{sandbox_name="devbox",sandbox_id="33",sandbox_run_id="7",sandbox_pid="4242"} 5 1790000060123\n',
    );
    expect(page).toMatch(/^microsandbox_collector_rows 1$/mu);
  });

  it('keeps names whole: quotes, backslashes, line ends', () => {
    const page = pageWriter({})(collectionOf([sandboxRun({ name: 'a"b\\c\nd' })]));
    expect(page).toContain('{sandbox_name="a\\"b\\\\c\\nd",sandbox_id="33"}');
  });

  it('tells the state of the sidecar, also without a sandbox', () => {
    const status = {
      name: '/msb-met-0-v3',
      abi: 3,
      message: '',
      capacity: 8,
      rows: 0,
      used: 2,
      skipped: { processGone: 2, tooOld: 0, fromFuture: 0, torn: 1, tooMany: 0, unknown: 0 },
    };
    const page = lines(
      pageWriter({})(
        new Collection(
          0,
          [],
          new Float64Array(),
          [
            { ...status, state: 'attached' },
            { ...status, state: 'unlinked' },
            { ...status, state: 'absent' },
          ],
          1.5,
        ),
      ),
    );
    expect(page).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^microsandbox_collector_build_info\{version="\d+\.\d+\.\d+"\} 1$/u),
        'microsandbox_collector_registries{state="attached"} 1',
        'microsandbox_collector_registries{state="unlinked"} 1',
        'microsandbox_collector_registries{state="denied"} 0',
        'microsandbox_collector_rows 0',
        'microsandbox_collector_rows_skipped{reason="process_gone"} 6',
        'microsandbox_collector_rows_skipped{reason="torn"} 3',
        'microsandbox_collector_read_duration_seconds 0.0015',
      ]),
    );
    expect(page.filter((line) => line.includes('no registered metrics'))).toEqual([]);
  });
});
