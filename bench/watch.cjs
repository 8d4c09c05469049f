// Loaded into a sidecar before its program: watches its garbage collector, or its event loop, whose watching takes time of its
// own. At SIGUSR2 it writes what it has seen as JSON to the file that BENCH_WATCH names, and watches the loop anew.
const { renameSync, writeFileSync } = require('node:fs');
const { monitorEventLoopDelay, PerformanceObserver } = require('node:perf_hooks');

const RESOLUTION_MILLIS = 1;
const file = process.env.BENCH_WATCH;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLIS });
let gcMillis = 0;

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    gcMillis += duration;
  }
}).observe({ entryTypes: ['gc'] });
if (process.env.BENCH_WATCHED === 'loop') {
  delay.enable();
}

process.on('SIGUSR2', () => {
  const { user, system } = process.cpuUsage();
  // The timer's own period is part of what is recorded.
  const millisOf = (nanos) => Math.max(0, nanos / 1e6 - RESOLUTION_MILLIS);
  writeFileSync(
    `${file}.part`,
    JSON.stringify({
      gcMillis,
      cpuMillis: (user + system) / 1e3,
      loopP99Millis: millisOf(delay.percentile(99)),
      loopMaxMillis: millisOf(delay.max),
    }),
  );
  renameSync(`${file}.part`, file);
  delay.reset();
});
