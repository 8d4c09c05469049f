import { describe, expect, it } from 'vitest';
import { canUnshare, inNamespaces } from './namespaces.js';

const SETUP = [
  'ip link set lo up',
  'printf "nameserver 127.0.0.1\\nsearch a.example b.example c.example\\noptions timeout:15\\n" > /tmp/msb-metrics-resolv.$$',
  'mount --bind /tmp/msb-metrics-resolv.$$ /etc/resolv.conf',
  'rm /tmp/msb-metrics-resolv.$$',
].join('; ');

/** Far above the drain's bound of two seconds, far below the half minute and more of the resolver. */
const BOUND_MILLIS = 12_000;

interface Result {
  readonly code: number;
  readonly millis: number;
  readonly output: string;
}

describe.skipIf(!canUnshare('--mount', '--net'))('with a name server that never answers', () => {
  const stop = (protocol: string, signals: number, ...flags: string[]) =>
    inNamespaces<Result>(['--mount', '--net'], SETUP, 'silent-name-server.ts', [
      protocol,
      String(signals),
      ...flags,
    ]);

  it.each(['grpc', 'http'])('a stop over %s is bounded, and says how it ended', async (protocol) => {
    const { code, millis, output } = await stop(protocol, 1);
    expect(code).toBe(1);
    expect(millis).toBeLessThan(BOUND_MILLIS);
    expect(output.trim().split('\n').at(-1)).toMatch(
      /stopped, the last export failed .*collections_lost=\d+/u,
    );
  });

  it('a stop while the address of the health server is looked up is immediate', async () => {
    const { code, millis, output } = await stop('grpc', 1, '--health-listen=health.example:19444');
    expect(code).toBe(0);
    expect(millis).toBeLessThan(BOUND_MILLIS);
    expect(output).toContain('SIGTERM: stopped before anything was collected');
  });

  it.each(['grpc', 'http'])('a second signal over %s ends the process at once', async (protocol) => {
    const { code, millis, output } = await stop(protocol, 2);
    expect(code).toBe(143);
    expect(millis).toBeLessThan(BOUND_MILLIS);
    expect(output.endsWith('\n')).toBe(true);
  });
});
