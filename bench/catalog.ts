/**
 * A process that has msb's catalog open, with five labels for each sandbox. Runs until its parent goes.
 *
 *     catalog.ts <msb home> <count>
 */
import { simulateCatalog } from '../test/simulator/catalog.js';

const [msbHome, count] = process.argv.slice(2);
const database = simulateCatalog(
  msbHome,
  Array.from({ length: Number(count) }, (_, index) => ({
    id: index + 1,
    name: `sandbox-${String(index).padStart(4, '0')}`,
    labels: {
      'user.id': `user-${index}`,
      team: `team-${index % 20}`,
      plan: 'enterprise',
      region: 'eu-west-1',
      'job.kind': 'notebook',
    },
  })),
);
process.send?.('ready');
process.on('disconnect', () => {
  database.close();
  process.exit();
});
