import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { LabelSelector } from './policy.ts';
import { bothSelectors, matchesSelector } from './selectors.ts';

const keys = fc.constantFrom('a', 'b', 'region', 'constructor');
const values = fc.constantFrom('', 'x', 'y', 'us-west-2');
const labelsArb = fc.dictionary(keys, values, { noNullPrototype: true });
const selectorArb: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: labelsArb,
  matchExpressions: fc.array(
    fc.record({
      key: keys,
      operator: fc.constantFrom('In' as const, 'NotIn' as const, 'Exists' as const, 'DoesNotExist' as const),
      values: fc.array(values, { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 3 },
  ),
});
const expression = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', key: string, wanted: string[] = []) => ({
  matchExpressions: [{ key, operator, values: wanted }],
});

describe('label selectors', () => {
  it('an empty selector matches everything', () => {
    expect(matchesSelector({}, {})).toBe(true);
    expect(matchesSelector({ matchLabels: {}, matchExpressions: [] }, { a: 'x' })).toBe(true);
  });

  it('In without values and an inherited property name match nothing', () => {
    expect(matchesSelector(expression('In', 'a'), { a: 'x' })).toBe(false);
    expect(matchesSelector(expression('Exists', 'constructor'), {})).toBe(false);
  });

  it('compares exact values, the empty one included', () => {
    expect(matchesSelector({ matchLabels: { a: '' } }, { a: '' })).toBe(true);
    expect(matchesSelector({ matchLabels: { a: '' } }, {})).toBe(false);
  });

  test.prop([keys, fc.array(values), labelsArb])('an absent key satisfies NotIn and not In', (key, wanted, labels) => {
    delete labels[key];
    expect(matchesSelector(expression('NotIn', key, wanted), labels)).toBe(true);
    expect(matchesSelector(expression('In', key, wanted), labels)).toBe(false);
  });

  test.prop([keys, fc.array(values), labelsArb])(
    'NotIn is the opposite of In, DoesNotExist of Exists',
    (key, wanted, labels) => {
      expect(matchesSelector(expression('NotIn', key, wanted), labels)).toBe(
        !matchesSelector(expression('In', key, wanted), labels),
      );
      expect(matchesSelector(expression('DoesNotExist', key), labels)).toBe(
        !matchesSelector(expression('Exists', key), labels),
      );
    },
  );

  test.prop([labelsArb, labelsArb])('a selector made of labels matches every superset of them', (wanted, more) => {
    expect(matchesSelector({ matchLabels: wanted }, { ...more, ...wanted })).toBe(true);
  });

  test.prop([selectorArb, selectorArb, labelsArb])('bothSelectors holds exactly when both hold', (a, b, labels) => {
    const both = bothSelectors(a, b);
    expect(both && matchesSelector(both, labels)).toBe(matchesSelector(a, labels) && matchesSelector(b, labels));
  });

  it('bothSelectors of one is that one', () => {
    expect(bothSelectors(undefined, undefined)).toBeUndefined();
    expect(bothSelectors({ matchLabels: { a: 'x' } }, undefined)).toEqual({ matchLabels: { a: 'x' } });
  });
});
