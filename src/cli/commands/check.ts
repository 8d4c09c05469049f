import { findRegistries, homeHash, UnsupportedSystemError, VERSION } from '../../index.js';
import { backendFindings } from '../check/backend-findings.js';
import { catalogFindings } from '../check/catalog-findings.js';
import { asJson, asText, type CheckDocument, isWell } from '../check/document.js';
import { type Finding, fail, ok, warn } from '../check/finding.js';
import { healthFinding } from '../check/health-finding.js';
import { factsOf } from '../check/registry-facts.js';
import { homeFinding, registryFindings } from '../check/registry-findings.js';
import { EXIT } from '../exit-status.js';
import { firstReading } from '../first-reading.js';
import { captureGrpcLogs } from '../library-logs.js';
import { type Log, redactingLog } from '../log.js';
import { readCollectOptions } from '../options/collect-options.js';
import { readHealthUrl } from '../options/health-url.js';
import { readHealthAddress } from '../options/listen-address.js';
import { readBoolean } from '../options/option-reader.js';
import { readOtlpOptions } from '../options/otlp-options.js';
import { secretsOf } from '../options/secrets.js';
import { readSpoolOptions } from '../options/spool-options.js';
import { warnOfUnsupportedVariables } from '../options/unsupported-variables.js';
import { print } from '../streams.js';
import { UsageError } from '../usage-error.js';
import type { CommandContext } from './context.js';

/**
 * Looks at the registry, and at the backend where one is given, or only at the health of another process, and prints what it
 * finds.
 */
export async function runCheck(context: CommandContext): Promise<number> {
  const { options, signals } = context;
  const format = options.word('format', ['text', 'json']);
  const health = readHealthUrl(options);
  const looked =
    health === undefined
      ? look(context)
      : healthFinding(health).then((finding) => ({ findings: [finding], registries: [] }));
  const document = await Promise.race([looked, signals.next()]);
  if (typeof document === 'string') {
    return EXIT.lost;
  }
  print(format === 'json' ? asJson(document) : asText(document));
  return isWell(document) ? EXIT.clean : EXIT.lost;
}

async function look({ options, environment, log, warnings }: CommandContext): Promise<CheckDocument> {
  const settings: Finding[] = [];
  const notice: Log = (level, _, message, fields = {}) => {
    if (level === 'warn' || level === 'error') {
      const details = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
      settings.push(warn('settings', [message, ...details].join(', ')));
    }
  };
  const collect = read(() => readCollectOptions(options), settings);
  const otlp = read(() => readOtlpOptions(options, environment, notice), settings);
  read(() => readHealthAddress(options), settings);
  read(() => readSpoolOptions(options), settings);
  warnOfUnsupportedVariables(environment, notice);
  if (read(() => readBoolean('OTEL_SDK_DISABLED', environment), settings) === true) {
    notice('warn', 'msb_metrics', 'OTEL_SDK_DISABLED=true: otel would end at once');
  }
  if (otlp !== undefined) {
    const libraryLog = redactingLog(log, secretsOf(otlp));
    warnings.logTo(libraryLog);
    await captureGrpcLogs((_, target, message, fields) => libraryLog('debug', target, message, fields));
  }
  const isRefused = settings.some(({ status }) => status === 'fail');
  const [registry, backend] = await Promise.all([
    collect === undefined ? { findings: [], registries: [] } : lookAtRegistries(collect),
    otlp === undefined
      ? isRefused
        ? []
        : [ok('endpoint', 'none is given, so no backend is looked at')]
      : backendFindings(otlp),
  ]);
  return {
    findings: [versions(), ...settings, ...registry.findings, ...backend],
    registries: registry.registries,
  };
}

/** What is wrong with a setting is a finding, and the rest is looked at all the same. */
function read<T>(reader: () => T, settings: Finding[]): T | undefined {
  try {
    return reader();
  } catch (error) {
    if (error instanceof UsageError) {
      settings.push(fail('settings', error.message));
      return undefined;
    }
    throw error;
  }
}

async function lookAtRegistries(collect: ReturnType<typeof readCollectOptions>): Promise<CheckDocument> {
  const { msbHome } = collect;
  try {
    const collection = await firstReading(collect);
    const others = findRegistries().filter(({ hash }) => hash !== homeHash(msbHome));
    return {
      findings: [
        homeFinding(msbHome),
        ...registryFindings(collection, msbHome, others),
        ...catalogFindings(collection, collect),
      ],
      registries: collection.registries.filter(({ state }) => state !== 'absent').map(factsOf),
    };
  } catch (error) {
    if (error instanceof UnsupportedSystemError) {
      return { findings: [homeFinding(msbHome), fail('system', error.message)], registries: [] };
    }
    throw error;
  }
}

const versions = (): Finding =>
  ok(
    'versions',
    `msb-metrics ${VERSION}, Node.js ${process.versions.node}, ${process.platform} ${process.arch}`,
  );
