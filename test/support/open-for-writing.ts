import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** What tests use of a database that can be written. */
export interface WritableDatabase {
  exec(sql: string): void;
  close(): void;
}

const { DatabaseSync } = (process as { getBuiltinModule?: (id: string) => unknown }).getBuiltinModule?.(
  'node:sqlite',
)
  ? (require('node:sqlite') as { DatabaseSync: new (path: string) => WritableDatabase })
  : (require('@photostructure/sqlite') as { DatabaseSync: new (path: string) => WritableDatabase });

/** Opens a database to be written to. The caller closes it. */
export const openForWriting = (path: string): WritableDatabase => new DatabaseSync(path);
