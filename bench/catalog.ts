/**
 * A process that has msb's catalog open, with five labels for each sandbox. Runs until its parent goes.
 *
 *     catalog.ts <msb home> <count>
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openForWriting } from '../test/support/open-for-writing.js';

const [msbHome, count] = process.argv.slice(2);
mkdirSync(join(msbHome, 'db'), { recursive: true });
const database = openForWriting(join(msbHome, 'db/msb.db'));
database.exec('PRAGMA journal_mode = WAL');
database.exec(
  readFileSync(new URL('../test/fixtures/catalog-schemas/schema-0.7.11.sql', import.meta.url), 'utf8'),
);
database.exec('BEGIN');
for (let index = 0; index < Number(count); index++) {
  const labels = {
    'user.id': `user-${index}`,
    team: `team-${index % 20}`,
    plan: 'enterprise',
    region: 'eu-west-1',
    'job.kind': 'notebook',
  };
  const name = `sandbox-${String(index).padStart(4, '0')}`;
  database.exec(
    `INSERT INTO sandbox (id, name, config, status) VALUES (${index + 1}, '${name}', '${JSON.stringify({ labels })}', 'running')`,
  );
}
database.exec('COMMIT');
process.send?.('ready');
process.on('disconnect', () => {
  database.close();
  process.exit();
});
