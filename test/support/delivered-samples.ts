import type { Collection } from '../../src/shm/collection.js';
import type { Receiver } from '../receiver/receiver.js';
import { collectionOf, sandboxRuns } from './collections.js';

/** The sandboxes of the tests of transports. */
export const threeRuns = sandboxRuns(3);

const sampledAt = (index: number): number => 1_790_000_060_000 + index * 1_000;

/** The collection of a tick, counted from 0. */
export const tickOf = (index = 0): Collection => collectionOf(threeRuns, sampledAt(index));

/** The samples that a receiver said yes to, as sandbox and time. */
export const samples = (receiver: Receiver): string[] =>
  receiver.accepted
    .flatMap(({ points }) => points)
    .filter(({ metric }) => metric === 'microsandbox.uptime')
    .map(({ attributes, timeNanos }) => `${attributes['sandbox.name']}@${timeNanos}`);

/** The samples of some ticks, in that form. */
export const samplesOf = (...indices: number[]): string[] =>
  indices.flatMap((index) => threeRuns.map(({ name }) => `${name}@${BigInt(sampledAt(index)) * 1_000_000n}`));
