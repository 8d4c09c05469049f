import type { OtlpSinkOptions } from '../../index.js';
import { currentCredentials } from '../../sinks/otlp/transport/credentials.js';
import { hostOf, portOf } from '../../sinks/otlp/transport/proxy.js';
import { connectFindings } from './connect.js';
import { exportFinding } from './export.js';
import { type Finding, ok } from './finding.js';
import { resolveFinding } from './resolve.js';
import { tlsFindings } from './tls.js';

/** When all of it is over, ms after the start of the process. */
const END_MILLIS = 8_500;

/**
 * Looks at the way to a backend, step by step: name, connection, proxy, TLS, and an export. What comes after a step that
 * fails is not looked at.
 */
export async function backendFindings(otlp: OtlpSinkOptions): Promise<readonly Finding[]> {
  const { protocol = 'grpc' } = otlp;
  const endpoint = new URL(otlp.endpoint);
  const proxy = otlp.proxy === undefined ? undefined : new URL(otlp.proxy);
  const findings: Finding[] = [
    ok('endpoint', `${endpoint.origin}${protocol === 'grpc' ? '' : endpoint.pathname}, ${protocol}`),
    ...(proxy === undefined ? [] : [ok('proxy', `requests go through ${hostOf(proxy)}:${portOf(proxy)}`)]),
  ];
  const hasFailed = (): boolean => findings.some(({ status }) => status === 'fail');
  findings.push(
    await resolveFinding(
      hostOf(proxy ?? endpoint),
      proxy === undefined ? '--endpoint' : 'HTTP_PROXY or HTTPS_PROXY',
    ),
  );
  if (hasFailed()) {
    return findings;
  }
  const connected = await connectFindings(endpoint, proxy, protocol);
  findings.push(...connected.findings);
  if (connected.socket !== undefined && endpoint.protocol === 'https:') {
    findings.push(...(await tlsFindings(connected.socket, endpoint, protocol, currentCredentials(otlp))));
  }
  connected.socket?.destroy();
  if (hasFailed()) {
    return findings;
  }
  const left = END_MILLIS - performance.now();
  return [...findings, await exportFinding(otlp, Math.min(left, otlp.exportTimeoutMillis ?? left))];
}
