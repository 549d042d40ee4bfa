import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import {
  compareResourceVersions,
  compareSourceVersions,
  formatSourceVersion,
  parseSourceVersion,
} from './source-version.ts';

const versionArb = fc.record({
  epoch: fc.nat(5),
  uid: fc.uuid(),
  rv: fc.bigInt({ min: 0n, max: 10n ** 25n }).map(String),
});
const sign = (n: number) => Math.sign(n);

describe('source versions', () => {
  test.prop([versionArb])('reads back what was written', (version) => {
    expect(parseSourceVersion(formatSourceVersion(version))).toEqual(version);
  });

  it.each([undefined, '', '1/2', 'x/u/1', '1/u/x', '1//1', '1/u/1/2', '-1/u/1'])('%s is none', (text) => {
    expect(parseSourceVersion(text)).toBeUndefined();
  });

  it('resourceVersions compare as numbers of any length, not as texts', () => {
    expect(compareResourceVersions('9', '10')).toBe(-1);
    expect(compareResourceVersions('90071992547409930', '90071992547409931')).toBe(-1);
    expect(compareResourceVersions('007', '7')).toBe(0);
  });

  it('what is no number is older than every number', () => {
    expect(compareResourceVersions('abc', '1')).toBe(-1);
    expect(compareResourceVersions('', 'x')).toBe(0);
  });

  it('a later epoch wins over every resourceVersion', () => {
    expect(compareSourceVersions({ epoch: 2, uid: 'a', rv: '1' }, { epoch: 1, uid: 'a', rv: '999' })).toBe(1);
  });

  it('within an epoch another incarnation is ordered by resourceVersion', () => {
    expect(compareSourceVersions({ epoch: 1, uid: 'b', rv: '5' }, { epoch: 1, uid: 'a', rv: '6' })).toBe(-1);
  });

  test.prop([versionArb, versionArb, versionArb])('is a total order', (a, b, c) => {
    expect(sign(compareSourceVersions(a, b))).toBe(0 - sign(compareSourceVersions(b, a)) || 0);
    const [x, y, z] = [a, b, c].sort(compareSourceVersions);
    expect(compareSourceVersions(x!, z!)).toBeLessThanOrEqual(0);
    expect(compareSourceVersions(x!, y!)).toBeLessThanOrEqual(0);
  });
});
