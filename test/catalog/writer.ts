/** Changes the labels of all sandboxes of a catalog, without rest, until it is killed. */
import { openForWriting } from '../support/open-for-writing.js';

const [path] = process.argv.slice(2);
const database = openForWriting(path);
database.exec('PRAGMA journal_mode = WAL');
for (let round = 1; ; round++) {
  const config = JSON.stringify({ labels: { a: String(round), b: String(round) } });
  database.exec(`UPDATE sandbox SET config = '${config}'`);
  if (round === 1) {
    process.send?.('writing');
  }
}
