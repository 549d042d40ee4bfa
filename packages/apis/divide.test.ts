import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divide, divideAmong } from './divide.ts';

const weights = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 });
const someWeights = weights.filter((list) => list.some((weight) => weight > 0));
const total = (shares: readonly number[]) => shares.reduce((sum, share) => sum + share, 0);

describe('dividing replicas', () => {
  it.each([
    ['3 replicas, the first preferred: 2 and 1', 3, [2, 1], [2, 1]],
    ['3 replicas, the second preferred: 1 and 2', 3, [1, 2], [1, 2]],
    ['7 on two equals: 4 and 3', 7, [1, 1], [4, 3]],
    ['7 on three equals: 3, 2 and 2', 7, [1, 1, 1], [3, 2, 2]],
    ['a weight of 0 gets none', 5, [0, 1], [0, 5]],
    ['no replicas', 0, [1, 1], [0, 0]],
    ['nobody may have any', 4, [0, 0], [0, 0]],
    ['nobody is there', 4, [], []],
  ])('%s', (_title, replicas, list, expected) => {
    expect(divide(replicas, list)).toEqual(expected);
  });

  it.each([
    [-1, [1]],
    [1.5, [1]],
    [1, [-1]],
    [1, [Number.NaN]],
  ])('refuses %s replicas over weights %s', (replicas, list) => {
    expect(() => divide(replicas, list)).toThrow(RangeError);
  });

  it('hands out every replica, exactly once', () => {
    return fc.assert(
      fc.property(fc.integer({ min: 0, max: 5000 }), someWeights, (replicas, list) => {
        expect(total(divide(replicas, list))).toBe(replicas);
      }),
    );
  });

  it('takes no replica away from anyone when scaled up', () => {
    return fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), someWeights, (replicas, list) => {
        const fewer = divide(replicas, list);
        const more = divide(replicas + 1, list);
        expect(more.every((share, index) => share >= (fewer[index] ?? 0))).toBe(true);
      }),
    );
  });

  it('gives a heavier target at least as many as a lighter one', () => {
    return fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), someWeights, (replicas, list) => {
        const sorted = [...list].sort((a, b) => b - a);
        const shares = divide(replicas, sorted);
        expect(shares).toEqual([...shares].sort((a, b) => b - a));
      }),
    );
  });

  it('divides a million replicas as a step-by-step count does a thousand', () => {
    expect(divide(1_000_000, [2, 1, 1])).toEqual([500_000, 250_000, 250_000]);
  });

  it('does not depend on the order of the claims', () => {
    const claims = fc.uniqueArray(fc.record({ key: fc.string(), weight: fc.integer({ min: 0, max: 9 }) }), {
      selector: (claim) => claim.key,
      minLength: 1,
      maxLength: 8,
    });
    return fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), claims, (replicas, list) => {
        expect(divideAmong(replicas, [...list].reverse())).toEqual(divideAmong(replicas, list));
      }),
    );
  });
});
