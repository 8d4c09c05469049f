import { hostname } from 'node:os';
import { openSpool, otlpSink, type Spool, SpoolError, type SpoolOptions, sdkOtlpSink } from '../../index.js';
import { requireSharedMemory } from '../../shm/posix.js';
import { EXIT } from '../exit-status.js';
import { healthObservers } from '../health-observers.js';
import { warnOfOtherHomes } from '../homes-on-host.js';
import { captureGrpcLogs, captureSdkLogs } from '../library-logs.js';
import { type Log, redactingLog } from '../log.js';
import { readCollectOptions } from '../options/collect-options.js';
import { readHealthAddress } from '../options/listen-address.js';
import { readBoolean } from '../options/option-reader.js';
import { requireOtlpOptions } from '../options/otlp-options.js';
import { isResourceGiven } from '../options/resource.js';
import { secretsOf } from '../options/secrets.js';
import { readSpoolOptions } from '../options/spool-options.js';
import { warnOfUnsupportedVariables } from '../options/unsupported-variables.js';
import { run } from '../run.js';
import { warnOfTwin } from '../twins.js';
import { UsageError } from '../usage-error.js';
import type { CommandContext } from './context.js';
import { warnOfSmallBuffer } from './small-buffer.js';

/** Ships sandboxes over OTLP until a signal. */
export async function runOtel({
  options,
  environment,
  signals,
  log,
  warnings,
}: CommandContext): Promise<number> {
  if (readBoolean('OTEL_SDK_DISABLED', environment) === true) {
    log('warn', 'msb_metrics', 'OTEL_SDK_DISABLED=true: nothing is collected or sent');
    return EXIT.clean;
  }
  const collect = readCollectOptions(options);
  const otlp = requireOtlpOptions(options, environment, log);
  const healthAddress = readHealthAddress(options);
  const spoolOptions = readSpoolOptions(options);
  const exporter = options.word('exporter', ['native', 'sdk']);
  const createSink = exporter === 'sdk' ? sdkOtlpSink : otlpSink;
  const endpoint = new URL(otlp.endpoint);
  // The libraries may repeat what was sent. The sink itself redacts what backends say.
  const libraryLog = redactingLog(log, secretsOf(otlp));
  warnings.logTo(libraryLog);
  requireSharedMemory();
  warnOfUnsupportedVariables(environment, log);
  warnOfSmallBuffer(collect, otlp, log);
  if (exporter === 'sdk') {
    await captureSdkLogs(libraryLog);
  }
  if (otlp.protocol === 'grpc') {
    await captureGrpcLogs(libraryLog);
  } else if (endpoint.pathname === '/') {
    log(
      'warn',
      'msb_metrics',
      'the endpoint has no path and is used as it is; most receivers expect /v1/metrics',
    );
  }
  warnOfTwin(
    {
      msbHome: collect.msbHome,
      endpoint: otlp.endpoint,
      serviceInstanceId: otlp.resource?.['service.instance.id'] ?? hostname(),
    },
    log,
  );
  const { origin, pathname } = endpoint;
  const spool = spoolOptions && openedSpool(spoolOptions, log);
  const observers = await healthObservers(healthAddress, collect, environment, log, signals, spool);
  return run(
    {
      ...collect,
      observers,
      waiting: spool?.stats.items,
      sinks: { otlp: (flush$) => createSink({ ...otlp, flush$, spool }) },
      noticeOtherHomes: isResourceGiven('service.instance.id', options, environment)
        ? undefined
        : () => warnOfOtherHomes(collect.msbHome, log),
      destinations: {
        otlp: { protocol: otlp.protocol, endpoint: otlp.protocol === 'grpc' ? origin : origin + pathname },
      },
    },
    signals,
    log,
  );
}

/** Opens the spool, and says what is in it. */
function openedSpool(options: SpoolOptions, log: Log): Spool {
  try {
    const spool = openSpool(options);
    const { items, bytes } = spool.stats;
    log(
      'info',
      'msb_metrics::spool',
      items === 0 ? 'spool opened' : 'spool opened, its collections are sent first',
      {
        directory: options.directory,
        collections: items,
        bytes,
      },
    );
    return spool;
  } catch (error) {
    if (error instanceof SpoolError) {
      throw new UsageError(`--spool-dir: ${error.message}`);
    }
    throw error;
  }
}
