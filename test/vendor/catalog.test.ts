import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { Catalog } from '../../src/catalog/catalog.js';
import { collectionOf, sandboxRun } from '../support/collections.js';
import { openForWriting } from '../support/open-for-writing.js';

const MSB = fileURLToPath(
  new URL('node_modules/@superradcompany/microsandbox-linux-x64-gnu/bin/msb', import.meta.url),
);

/** The configuration of a sandbox, as far as msb wants it to be. */
const CONFIG = JSON.stringify({ name: 'one', image: { Bind: { path: '/tmp' } }, labels: { tenant: 'a' } });

it.skipIf(!existsSync(MSB))(
  "msb's own commands work on its catalog while it is read, and are followed",
  async () => {
    const msbHome = mkdtempSync(join(tmpdir(), 'msb-metrics-vendor-'));
    onTestFinished(() => rmSync(msbHome, { recursive: true }));
    const msb = async (...args: string[]): Promise<string> => {
      const { stdout } = await promisify(execFile)(MSB, args, {
        env: { PATH: process.env.PATH, HOME: process.env.HOME, MSB_HOME: msbHome },
      });
      return stdout;
    };
    await msb('ls');
    const database = openForWriting(join(msbHome, 'db/msb.db'));
    database.exec(
      `INSERT INTO sandbox (id, name, config, status, ephemeral) VALUES (1, 'one', '${CONFIG}', 'Stopped', 0)`,
    );
    database.close();
    const files = (): string[] => readdirSync(join(msbHome, 'db')).sort();

    const catalog = new Catalog(msbHome, process.getuid?.(), {});
    onTestFinished(() => catalog.close());
    const runs = [sandboxRun({ name: 'one', sandboxId: 1 })];
    const labels = (): Record<string, string> => {
      const before = files();
      const read = Object.fromEntries(catalog.label(collectionOf(runs)).at(0).labels);
      expect(files()).toEqual(before);
      return read;
    };
    expect(labels()).toEqual({ tenant: 'a' });
    await msb('modify', 'one', '--label', 'tenant=b', '--label', 'user.id=alice', '--next-start');
    expect(labels()).toEqual({ tenant: 'b', 'user.id': 'alice' });
    expect(await msb('ls')).toContain('one');
    await msb('rm', 'one');
    expect(labels()).toEqual({});
  },
);
