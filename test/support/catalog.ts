import { rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { createCatalog, schemaOf } from '../simulator/catalog.js';

/** The releases of msb whose schemas are kept. */
export const SCHEMAS = ['0.5.5', '0.6.3', '0.6.4', '0.6.8', '0.6.14', '0.6.18', '0.7.11'] as const;

/** A catalog as msb makes it, to be written to. */
export interface TestCatalog {
  readonly path: string;
  exec(sql: string): void;
  /** Ends the writer: msb leaves its log, SQLite's own clients check it in and remove it. */
  close(): void;
  /** Writes a sandbox: its configuration as JSON, or as the text that is given. */
  put(id: number, name: string, config: unknown, activeConfig?: unknown): void;
}

const text = (config: unknown): string => (typeof config === 'string' ? config : JSON.stringify(config));

/** Makes a catalog of a release in an MSB_HOME, in WAL mode. Its writer stays open until the test is over. */
export function testCatalog(msbHome: string, release: string = '0.7.11', file = 'msb.db'): TestCatalog {
  const schema = schemaOf(release);
  const { path, database } = createCatalog(msbHome, schema, file);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) {
      isOpen = false;
      database.close();
    }
  };
  onTestFinished(close);
  const hasActive = schema.includes('active_config');
  return {
    path,
    exec: (sql) => database.exec(sql),
    close,
    put: (id, name, config, activeConfig) => {
      const active = activeConfig === undefined ? 'NULL' : quoted(text(activeConfig));
      const row = `${id}, ${quoted(name)}, ${quoted(text(config))}`;
      // Not prepared: a statement that is left keeps the file open.
      database.exec(
        hasActive
          ? `INSERT OR REPLACE INTO sandbox (id, name, config, active_config, status) VALUES (${row}, ${active}, 'running')`
          : `INSERT OR REPLACE INTO sandbox (id, name, config, status) VALUES (${row}, 'running')`,
      );
    },
  };
}

const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** Removes a catalog's log and its index. */
export function removeLog(path: string): void {
  for (const suffix of ['-wal', '-shm']) {
    rmSync(`${path}${suffix}`, { force: true });
  }
}

/** Removes a catalog with all that lies beside it. */
export function removeCatalog(path: string): void {
  rmSync(path, { force: true });
  removeLog(path);
}
