import { describe, expect, it } from 'vitest';
import { registryName } from '../../src/shm/registry-name.js';

describe('the name of a registry', () => {
  it.each([
    ['/var/lib/microsandbox', '715986f801ecaf5f'],
    ['/home/op/.microsandbox', '80d0865bb02bdba3'],
  ])('of %s has the hash %s, as the vendor makes it', (home, hash) => {
    expect(registryName(home, 3)).toBe(`/msb-met-${hash}-v3`);
  });

  it('has all 16 digits of the hash, zeros in front too', () => {
    expect(registryName('/home/17100', 3)).toBe('/msb-met-0083d53c69c24e01-v3');
  });

  it('is over the path as given: a trailing slash makes another home', () => {
    expect(registryName('/x/', 1)).not.toBe(registryName('/x', 1));
  });

  it('is over bytes, so that a path of any characters has one', () => {
    expect(registryName('/höme', 2)).toMatch(/^\/msb-met-[0-9a-f]{16}-v2$/u);
  });
});
