import { describe, expect, it } from 'vitest';
import { findRegistries, homeHash } from '../../src/shm/other-registries.js';
import { testHome, testRegistry } from '../support/home.js';

describe('the registries on this host', () => {
  it('are found by home, with their owner', () => {
    const msbHome = testHome();
    const names = [2, 3].map((abi) => testRegistry({ msbHome, abi, capacity: 1 }).name);
    const found = findRegistries().find(({ hash }) => hash === homeHash(msbHome));
    expect(found?.registries).toEqual(names);
    expect(found?.owner).toMatch(/./u);
  });

  it('have the hash of their home in their names', () => {
    expect(homeHash('/var/lib/microsandbox')).toBe('715986f801ecaf5f');
  });
});
