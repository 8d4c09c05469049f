import { statSync } from 'node:fs';
import {
  COLUMN,
  type Collection,
  type FoundHome,
  type RegistryStatus,
  type SkippedRows,
  totalSkipped,
} from '../../index.js';
import { describeUser } from '../../shm/owner.js';
import { ADVICE, hintFor, listOf } from '../registry-watch.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { factsOf } from './registry-facts.js';

/** How old the newest sample may be, ms. The runtime takes one a second. */
const MAX_AGE_MILLIS = 5_000;

/** Looks at the MSB_HOME as it was given. */
export function homeFinding(msbHome: string): Finding {
  try {
    return ok('msb-home', `${msbHome}, owned by ${describeUser(statSync(msbHome).uid)}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return warn('msb-home', `${msbHome} is not to be seen here (${code})`, hintFor(msbHome));
  }
}

/** What a reading says of the registries of an MSB_HOME, and of those that are there besides. */
export function registryFindings(
  collection: Collection,
  msbHome: string,
  others: readonly FoundHome[],
): readonly Finding[] {
  const { registries } = collection;
  const present = registries.filter(({ state }) => state !== 'absent');
  return [
    ...(present.length === 0 ? [noRegistry(registries, msbHome)] : present.map(stateOf)),
    ...registries.flatMap(({ name, skipped }) => skippedFindings(name, skipped)),
    ...sampleFindings(collection),
    otherHomes(others, present.length > 0),
  ];
}

function noRegistry(registries: readonly RegistryStatus[], msbHome: string): Finding {
  const names = registries.map(({ name }) => name).join(', ');
  return fail(
    'registry',
    `none for this MSB_HOME: looked for ${names}; no sandbox has run since the last boot, or msb has another MSB_HOME`,
    hintFor(msbHome),
  );
}

function stateOf(registry: RegistryStatus): Finding {
  const { name, abi, owner, mode, slots, slots_used: used, slots_free: free } = factsOf(registry);
  const file = owner === null ? '' : `, owned by ${owner}, mode ${mode}`;
  switch (registry.state) {
    case 'attached': {
      const facts = `${name}: ABI ${abi}, ${used} slots used, ${free} free of ${slots}${file}`;
      return free === 0
        ? warn('registry', facts, 'msb has no free slot for the metrics of another sandbox')
        : ok('registry', facts);
    }
    case 'initialising':
      return warn(
        'registry',
        `${name} is still being made by msb`,
        'if it stays so: that msb is stuck, or died',
      );
    case 'unlinked':
    case 'unknown':
      return warn('registry', registry.message);
    default:
      return fail('registry', registry.message);
  }
}

function skippedFindings(name: string, skipped: SkippedRows): Finding[] {
  return (Object.entries(skipped) as [keyof SkippedRows, number][])
    .filter(([, count]) => count > 0)
    .map(([reason, count]) =>
      warn('sandboxes', `${count === 1 ? '1 is' : `${count} are`} left out of ${name}`, ADVICE[reason]),
    );
}

function sampleFindings(collection: Collection): Finding[] {
  const { size, registries, collectedAtMillis } = collection;
  if (!registries.some(({ state }) => state === 'attached' || state === 'unlinked')) {
    return [];
  }
  if (size === 0) {
    const isAnyLeftOut = registries.some(({ skipped }) => totalSkipped(skipped) > 0);
    return isAnyLeftOut
      ? [fail('sandboxes', 'none is reported')]
      : [warn('sandboxes', 'none runs', 'start one with msb run to see its metrics')];
  }
  const newest = Math.max(
    ...Array.from({ length: size }, (_, row) => collection.value(row, COLUMN.sampledAtMillis)),
  );
  const age = collectedAtMillis - newest;
  const seconds = `${(Math.max(0, age) / 1_000).toFixed(1)} s`;
  return [
    ok('sandboxes', `${size} ${size === 1 ? 'runs' : 'run'}`),
    age > MAX_AGE_MILLIS
      ? warn('samples', `the newest is ${seconds} old`, 'the runtimes hang, or the clock was stepped')
      : ok('samples', `the newest is ${seconds} old`),
  ];
}

function otherHomes(others: readonly FoundHome[], hasOwn: boolean): Finding {
  if (others.length === 0) {
    return ok('other-homes', 'no registries of another MSB_HOME on this host');
  }
  const list = listOf(
    others.map(({ registries, owner }) => `${registries.join(', ')} (of ${owner})`),
    '; ',
  );
  return warn(
    'other-homes',
    `registries of another MSB_HOME on this host: ${list}`,
    hasOwn
      ? 'if they have a sidecar of their own, give each another --resource=service.instance.id=...'
      : 'is one of them the one that you look for? Give its MSB_HOME',
  );
}
