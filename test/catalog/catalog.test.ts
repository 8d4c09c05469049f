import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Catalog, type LabelOptions } from '../../src/catalog/catalog.js';
import { sqlite } from '../../src/catalog/sqlite.js';
import type { Collection } from '../../src/index.js';
import { removeCatalog, removeLog, SCHEMAS, testCatalog } from '../support/catalog.js';
import { collectionOf, sandboxRun } from '../support/collections.js';
import { testHome } from '../support/home.js';
import { openForWriting } from '../support/open-for-writing.js';

const uid = process.getuid?.();

function catalogOf(msbHome: string, options: LabelOptions = {}): Catalog {
  const catalog = new Catalog(msbHome, uid, options);
  onTestFinished(() => catalog.close());
  return catalog;
}

const required = () => {
  const found = sqlite();
  if (found === undefined) {
    throw new Error('no SQLite here');
  }
  return found;
};

const runs = [
  sandboxRun({ name: 'one', sandboxId: 1 }),
  sandboxRun({ name: 'two', sandboxId: 2 }),
  sandboxRun({ name: 'three', sandboxId: 3 }),
];

const tick = (of = runs): Collection => collectionOf(of);

/** Labels by sandbox, as entries in their order. */
const labelsIn = (collection: Collection): Record<string, [string, string][]> =>
  Object.fromEntries(Array.from(collection, ({ name, labels }) => [name, [...labels]]));

const filesIn = (path: string): string[] => readdirSync(dirname(path)).sort();

describe('labels of a catalog', () => {
  it.each(SCHEMAS)('of msb %s are those of the configuration, sorted by key', (release) => {
    const msbHome = testHome();
    const { put } = testCatalog(msbHome, release);
    put(1, 'one', { labels: { 'user.id': 'alice', Zeta: '', 'a b': 'x' }, env: { SECRET: 'hunter2' } });
    put(2, 'two', { image: 'x' });
    const collection = catalogOf(msbHome).label(tick());
    expect(labelsIn(collection)).toEqual({
      one: [
        ['Zeta', ''],
        ['a b', 'x'],
        ['user.id', 'alice'],
      ],
      two: [],
      three: [],
    });
    expect(collection.catalog).toEqual({ state: 'read', message: '', isComplete: true, bad: [] });
  });

  it('are none in a database of before labels (msb 0.5.4), which is well', () => {
    const msbHome = testHome();
    testCatalog(msbHome, '0.5.4').put(1, 'one', { image: 'x', env: { SECRET: 'hunter2' } });
    const collection = catalogOf(msbHome).label(tick());
    expect(labelsIn(collection)).toEqual({ one: [], two: [], three: [] });
    expect(collection.catalog).toEqual({ state: 'read', message: '', isComplete: true, bad: [] });
  });

  it('are those of the configuration that runs, where there is one', () => {
    const msbHome = testHome();
    const { put } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: 'next' } }, { labels: { a: 'now' } });
    expect(labelsIn(catalogOf(msbHome).label(tick())).one).toEqual([['a', 'now']]);
  });

  it('belong to a sandbox by id and name: a new database begins anew', () => {
    const msbHome = testHome();
    testCatalog(msbHome).put(1, 'another', { labels: { tenant: 'bob' } });
    expect(labelsIn(catalogOf(msbHome).label(tick())).one).toEqual([]);
  });

  it('leave out reserved keys, empty keys, and keys that are excluded', () => {
    const msbHome = testHome();
    testCatalog(msbHome).put(1, 'one', {
      labels: {
        'sandbox.name': 'evil',
        'microsandbox.x': 'evil',
        'service.name': 'evil',
        'Sandbox.Name': 'fine',
        '': 'evil',
        commit: 'abc',
        Commit: 'kept',
      },
    });
    expect(labelsIn(catalogOf(msbHome, { excludeKeys: ['commit', 'no-such'] }).label(tick())).one).toEqual([
      ['Commit', 'kept'],
      ['Sandbox.Name', 'fine'],
    ]);
  });

  it('may have any key and value', () => {
    const msbHome = testHome();
    const hostile = {
      ['__proto__']: 'x',
      constructor: 'y',
      '1': 'one',
      'new\nline': 'a\nb\u0000c',
      'k="},': 'v'.repeat(20_000),
      '\ud800': '\udc00half',
    };
    testCatalog(msbHome).put(
      1,
      'one',
      `{"labels":${JSON.stringify(Object.fromEntries(Object.entries(hostile).concat([['__proto__', 'x']])))}}`,
    );
    const labels = new Map(labelsIn(catalogOf(msbHome).label(tick())).one);
    expect(labels.get('__proto__')).toBe('x');
    expect(labels.get('1')).toBe('one');
    expect(labels.get('new\nline')).toBe('a\nb\u0000c');
    expect(labels.get('k="},')).toHaveLength(20_000);
    expect(labels.get('\ufffd')).toBe('\ufffdhalf');
  });

  it.each<[string, unknown, string]>([
    ['whose configuration is no JSON', '{"labels": {"a": "b"', 'its configuration is no JSON'],
    ['whose labels are null', { labels: null }, 'its labels are no object'],
    ['whose labels are a list', { labels: ['a'] }, 'its labels are no object'],
    ['with a value that is no text', { labels: { a: 'b', c: 1 } }, 'the value of a label is no text'],
    [
      'with more than 64 KiB',
      { labels: { a: 'x'.repeat(70_000) } },
      'its labels have 70001 bytes: expected 65536 at most',
    ],
  ])('of a sandbox %s cost it its labels, and nobody else theirs', (_, config, reason) => {
    const msbHome = testHome();
    const { put } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    put(2, 'two', config);
    const collection = catalogOf(msbHome).label(tick());
    expect(labelsIn(collection)).toEqual({ one: [['a', '1']], two: [], three: [] });
    expect(collection.catalog).toEqual({
      state: 'read',
      message: '',
      isComplete: true,
      bad: [{ sandbox: 'two', reason }],
    });
  });
});

describe('a catalog that changes', () => {
  it('is followed: a label, a new sandbox, a bad one that is mended', () => {
    const msbHome = testHome();
    const { put } = testCatalog(msbHome);
    const catalog = catalogOf(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
    put(1, 'one', { labels: { a: '2' } });
    put(2, 'two', '{');
    expect(labelsIn(catalog.label(tick()))).toMatchObject({ one: [['a', '2']], two: [] });
    put(2, 'two', { labels: { b: '1' } });
    const mended = catalog.label(tick());
    expect([labelsIn(mended).two, mended.catalog?.bad]).toEqual([[['b', '1']], []]);
  });

  it('keeps the objects of runs whose labels are what they were', () => {
    const msbHome = testHome();
    const { put } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    put(2, 'two', { labels: { a: '1' } });
    const catalog = catalogOf(msbHome);
    const first = catalog.label(tick());
    put(2, 'two', { labels: { a: '2' } });
    const second = catalog.label(tick());
    expect(second.runs[0]).toBe(first.runs[0]);
    expect(second.runs[1]).not.toBe(first.runs[1]);
    expect(second.runs[2]).toBe(runs[2]);
    expect(labelsIn(first).two).toEqual([['a', '1']]);
  });

  it('is followed when it is replaced by rename, deleted, and made anew', () => {
    const msbHome = testHome();
    const first = testCatalog(msbHome);
    first.put(1, 'one', { labels: { db: 'first' } });
    const catalog = catalogOf(msbHome);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['db', 'first']]);
    const second = testCatalog(msbHome, '0.7.11', 'new.db');
    second.put(1, 'one', { labels: { db: 'second' } });
    second.close();
    first.close();
    removeLog(first.path);
    renameSync(second.path, first.path);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['db', 'second']]);
    rmSync(first.path);
    const gone = catalog.label(tick());
    expect([labelsIn(gone).one, gone.catalog?.state]).toEqual([[], 'missing']);
    testCatalog(msbHome).put(1, 'one', { labels: { db: 'third' } });
    const anew = catalog.label(tick());
    expect([labelsIn(anew).one, anew.catalog?.state]).toEqual([[['db', 'third']], 'read']);
  });

  it('is followed when its contents and its log are replaced, and the file itself is not', () => {
    const msbHome = testHome();
    const { path, put, close } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: 'kept' } });
    close();
    const backup = readFileSync(path);
    const catalog = catalogOf(msbHome);
    const again = openForWriting(path);
    again.exec(`UPDATE sandbox SET config = '{"labels":{"a":"new"}}'`);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', 'new']]);
    again.close();
    writeFileSync(path, backup);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', 'kept']]);
    const third = openForWriting(path);
    onTestFinished(() => third.close());
    third.exec(`UPDATE sandbox SET config = '{"labels":{"a":"third"}}'`);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', 'third']]);
  });

  it('is followed through a migration that adds the column of running configurations', () => {
    const msbHome = testHome();
    const { exec, put } = testCatalog(msbHome, '0.6.3');
    put(1, 'one', { labels: { a: 'config' } });
    const catalog = catalogOf(msbHome);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', 'config']]);
    exec('ALTER TABLE sandbox ADD COLUMN active_config text');
    exec(`UPDATE sandbox SET active_config = '{"labels":{"a":"active"}}'`);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', 'active']]);
  });
});

describe('a catalog that cannot be read', () => {
  it('is missing, and nothing is made', () => {
    const msbHome = testHome();
    const { catalog } = catalogOf(msbHome).label(tick());
    expect(catalog).toMatchObject({
      state: 'missing',
      message: expect.stringContaining('db/msb.db is not there'),
    });
    expect(existsSync(join(msbHome, 'db'))).toBe(false);
  });

  it.each<[string, string | Buffer, string]>([
    ['is empty', '', 'unmigrated'],
    ['is junk', 'x'.repeat(8_192), 'failed'],
  ])('%s', (_, contents, state) => {
    const msbHome = testHome();
    mkdirSync(join(msbHome, 'db'));
    writeFileSync(join(msbHome, 'db/msb.db'), contents);
    const collection = catalogOf(msbHome).label(tick());
    expect(collection.size).toBe(3);
    expect(collection.catalog?.state).toBe(state);
    expect(filesIn(join(msbHome, 'db/msb.db'))).toEqual(['msb.db']);
  });

  it.each([
    [
      'a view',
      `CREATE VIEW sandbox AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
         SELECT x AS id, 'one' AS name, '{}' AS config, NULL AS active_config FROM c`,
      'a view in the place of its table',
    ],
    [
      'a column that is computed',
      `CREATE TABLE sandbox (id INTEGER PRIMARY KEY, name TEXT, config TEXT AS (hex(zeroblob(100000000))))`,
      'no column config',
    ],
  ])('has %s in the place of the table: it is not asked, for there may be no end to it', (_, sql, message) => {
    const msbHome = testHome();
    const { exec } = testCatalog(msbHome);
    exec('ALTER TABLE sandbox RENAME TO other');
    exec(sql);
    expect(catalogOf(msbHome).label(tick()).catalog).toMatchObject({
      state: 'failed',
      message: expect.stringContaining(message),
    });
  });

  it('is not read where others may write to it; its group may', () => {
    const msbHome = testHome();
    const { path, put } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    const catalog = catalogOf(msbHome);
    chmodSync(path, 0o666);
    expect(catalog.label(tick()).catalog).toMatchObject({
      state: 'untrusted',
      message: expect.stringContaining('may write to it'),
    });
    chmodSync(path, 0o664);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
  });

  it('has a log without its index: nothing is made, and msb mends it', () => {
    const msbHome = testHome();
    const { path, put } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    renameSync(`${path}-shm`, join(msbHome, 'kept'));
    const catalog = catalogOf(msbHome);
    expect(catalog.label(tick()).catalog).toMatchObject({
      state: 'busy',
      message: expect.stringContaining('any command of msb mends'),
    });
    expect(filesIn(path)).toEqual(['msb.db', 'msb.db-wal']);
    renameSync(join(msbHome, 'kept'), `${path}-shm`);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
  });

  it('is locked by another process: that is said, and it is read afterwards', () => {
    const msbHome = testHome();
    const { exec, put } = testCatalog(msbHome);
    exec('PRAGMA locking_mode = EXCLUSIVE');
    put(1, 'one', { labels: { a: '1' } });
    const catalog = catalogOf(msbHome);
    expect(catalog.label(tick()).catalog).toMatchObject({
      state: 'busy',
      message: expect.stringContaining('locked by another process'),
    });
    exec('PRAGMA locking_mode = NORMAL');
    put(1, 'one', { labels: { a: '2' } });
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '2']]);
  });

  it('is locked after it was read: the last known labels stay', () => {
    const msbHome = testHome();
    const { path, put, close } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    close();
    const catalog = catalogOf(msbHome);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
    const writer = openForWriting(path);
    onTestFinished(() => writer.close());
    writer.exec('PRAGMA journal_mode = WAL');
    writer.exec('PRAGMA locking_mode = EXCLUSIVE');
    writer.exec(`UPDATE sandbox SET config = '{"labels":{"a":"2"}}'`);
    const busy = catalog.label(tick());
    expect([labelsIn(busy).one, busy.catalog?.state]).toEqual([[['a', '1']], 'busy']);
  });

  it('is another one that is locked: its sandboxes get no labels of the one before', () => {
    const msbHome = testHome();
    const { path, put, close } = testCatalog(msbHome);
    put(1, 'one', { labels: { tenant: 'alice' } });
    const catalog = catalogOf(msbHome);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['tenant', 'alice']]);
    close();
    rmSync(path);
    const { exec, put: putBob } = testCatalog(msbHome);
    putBob(1, 'one', { labels: { tenant: 'bob' } });
    renameSync(`${path}-shm`, join(msbHome, 'kept'));
    const busy = catalog.label(tick());
    expect([labelsIn(busy).one, busy.catalog?.state]).toEqual([[], 'busy']);
    renameSync(join(msbHome, 'kept'), `${path}-shm`);
    exec('SELECT 1');
  });

  it('is a pipe or a folder: neither blocks', () => {
    for (const make of [
      (path: string) => execFileSync('mkfifo', [path]),
      (path: string) => mkdirSync(path),
    ]) {
      const msbHome = testHome();
      mkdirSync(join(msbHome, 'db'));
      make(join(msbHome, 'db/msb.db'));
      expect(catalogOf(msbHome).label(tick()).catalog).toMatchObject({
        state: 'failed',
        message: expect.stringContaining('is no regular file'),
      });
    }
  });

  it('is not read where others may write to its log', () => {
    const msbHome = testHome();
    const { path, put } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    for (const suffix of ['-wal', '-shm']) {
      chmodSync(`${path}${suffix}`, 0o666);
      expect(catalogOf(msbHome).label(tick()).catalog?.state).toBe('untrusted');
      chmodSync(`${path}${suffix}`, 0o644);
    }
    expect(catalogOf(msbHome).label(tick()).catalog?.state).toBe('read');
  });
});

describe('reading a catalog leaves nothing behind', () => {
  it('where msb has no log: no log comes, and changes are followed', () => {
    const msbHome = testHome();
    const { path, close, put } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    close();
    expect(filesIn(path)).toEqual(['msb.db']);
    const catalog = catalogOf(msbHome);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
    catalog.close();
    expect(filesIn(path)).toEqual(['msb.db']);
  });

  it('where msb has a log: log and index stay as they are, and are used', () => {
    const msbHome = testHome();
    const { path, put } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    const before = filesIn(path);
    const catalog = catalogOf(msbHome);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
    put(1, 'one', { labels: { a: '2' } });
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '2']]);
    catalog.close();
    expect(filesIn(path)).toEqual(before);
    // Nothing that the writer would notice: it can still write, and check its log in.
    put(1, 'one', { labels: { a: '3' } });
  });

  it('is not looked at for a tick without sandboxes', () => {
    const { catalog } = catalogOf(testHome()).label(tick([]));
    expect(catalog?.state).toBe('read');
  });
});

describe('a catalog in which nothing changes', () => {
  it('is not opened again', () => {
    const msbHome = testHome();
    const { path, put } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    utimesSync(`${path}-wal`, 1_000, 1_000);
    utimesSync(path, 1_000, 1_000);
    const catalog = catalogOf(msbHome);
    const first = catalog.label(tick());
    const { open } = required();
    const opened: string[] = [];
    const spy = vi.spyOn(required(), 'open').mockImplementation((location) => {
      opened.push(location);
      return open(location);
    });
    onTestFinished(() => spy.mockRestore());
    for (let round = 0; round < 3; round++) {
      expect(catalog.label(tick()).runs[0]).toBe(first.runs[0]);
    }
    expect(opened).toEqual([]);
    put(1, 'one', { labels: { a: '2' } });
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '2']]);
    expect(opened).toHaveLength(1);
  });
});

describe('a catalog that others clear up', () => {
  it('is left without its log, as it would be without a reader', () => {
    const msbHome = testHome();
    const { path, put, close } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    const catalog = catalogOf(msbHome);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
    close();
    expect(filesIn(path)).toEqual(['msb.db']);
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
  });
});

describe('labels of a size that nobody has', () => {
  it('are not taken out of the database, and cost nobody else anything', () => {
    const msbHome = testHome();
    const { put } = testCatalog(msbHome);
    const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`key-${index}`, 'v']));
    put(1, 'one', { labels: many });
    put(2, 'two', { labels: { a: '2' } });
    const collection = catalogOf(msbHome).label(tick());
    expect(labelsIn(collection)).toMatchObject({ one: [], two: [['a', '2']] });
    expect(collection.catalog?.bad).toEqual([
      { sandbox: 'one', reason: 'its labels or its configuration are too long' },
    ]);
  });
});

describe('a look that takes long', () => {
  it('leaves the rest of the sandboxes to the next ones', () => {
    const msbHome = testHome();
    const { path, put, close } = testCatalog(msbHome);
    const many = Array.from({ length: 40 }, (_, index) =>
      sandboxRun({ name: `s${index}`, sandboxId: index + 1 }),
    );
    for (const { name, sandboxId } of many) {
      put(sandboxId, name, { labels: { a: name } });
    }
    close();
    utimesSync(path, 1_000, 1_000);
    const catalog = catalogOf(msbHome);
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      now += 60;
      return now;
    });
    onTestFinished(() => clock.mockRestore());
    const labelled = (): number =>
      Object.values(labelsIn(catalog.label(tick(many)))).filter(({ length }) => length > 0).length;
    const counts: number[] = [];
    for (let round = 0; round < 20 && counts.at(-1) !== 40; round++) {
      counts.push(labelled());
      now += 60_000;
    }
    expect(counts[0]).toBeLessThan(40);
    expect(counts.at(-1)).toBe(40);
    expect(catalog.label(tick(many)).catalog?.isComplete).toBe(true);
  });

  it('keeps no labels of another database, pause or not', () => {
    const msbHome = testHome();
    const { path, put, close } = testCatalog(msbHome);
    put(1, 'one', { labels: { tenant: 'alice' } });
    const catalog = catalogOf(msbHome);
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      now += 250;
      return now;
    });
    onTestFinished(() => clock.mockRestore());
    expect(labelsIn(catalog.label(tick())).one).toEqual([['tenant', 'alice']]);
    close();
    removeCatalog(path);
    testCatalog(msbHome).put(1, 'one', { labels: { tenant: 'bob' } });
    expect(labelsIn(catalog.label(tick())).one).toEqual([['tenant', 'bob']]);
  });

  it('is followed by a pause, in which the last labels stay', () => {
    const msbHome = testHome();
    const { put } = testCatalog(msbHome);
    put(1, 'one', { labels: { a: '1' } });
    const catalog = catalogOf(msbHome);
    let now = 0;
    let cost = 250;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      now += cost;
      return now;
    });
    onTestFinished(() => clock.mockRestore());
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
    put(1, 'one', { labels: { a: '2' } });
    cost = 0;
    now += 900;
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '1']]);
    now += 200;
    expect(labelsIn(catalog.label(tick())).one).toEqual([['a', '2']]);
  });
});

describe('a catalog that another process writes to without rest', () => {
  it('gives each sandbox labels that were written together', async () => {
    const msbHome = testHome();
    const { path, put, close } = testCatalog(msbHome);
    for (const { sandboxId, name } of runs) {
      put(sandboxId, name, { labels: { a: '0', b: '0' } });
    }
    close();
    const writer = fork(fileURLToPath(new URL('writer.ts', import.meta.url)), [path], {
      execArgv: ['--import', 'tsx'],
    });
    onTestFinished(async () => {
      writer.kill('SIGKILL');
      await once(writer, 'exit');
    });
    await once(writer, 'message');
    const catalog = catalogOf(msbHome);
    const seen = new Set<string>();
    const deadline = Date.now() + 20_000;
    while (seen.size < 50 && Date.now() < deadline) {
      const labels = labelsIn(catalog.label(tick()));
      for (const entries of Object.values(labels)) {
        const { a, b } = Object.fromEntries(entries);
        expect(b).toBe(a);
        seen.add(a);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen.size).toBeGreaterThanOrEqual(50);
  });
});
