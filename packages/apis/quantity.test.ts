import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { compareQuantities, findQuantity, formatQuantity, parseQuantity } from './quantity.ts';

describe('quantities', () => {
  it.each([
    ['0', 0n],
    ['1', 1000n],
    [2, 2000n],
    ['500m', 500n],
    ['0.5', 500n],
    ['.5', 500n],
    ['1.', 1000n],
    ['+1.5Gi', 1_610_612_736_000n],
    ['1k', 1_000_000n],
    ['1Ki', 1_024_000n],
    ['1E', 10n ** 21n],
    ['1Ei', 1000n << 60n],
    ['2e3', 2_000_000n],
    ['2E3', 2_000_000n],
    ['1e-3', 1n],
    ['-1', -1000n],
  ])('%s is %s milli-units', (text, milli) => {
    expect(parseQuantity(text)).toBe(milli);
  });

  it.each([
    ['1n', 1n],
    ['1u', 1n],
    ['1001u', 2n],
    ['0.0001', 1n],
    ['-1001u', -2n],
  ])('%s is rounded up to %s milli-units', (text, milli) => {
    expect(parseQuantity(text)).toBe(milli);
  });

  it.each(['', 'm', '1 Gi', '1gi', '1K', '0x1', '1e', 'NaN', '1.2.3', '--1', '1e999'])('refuses "%s"', (text) => {
    expect(findQuantity(text)).toBeUndefined();
    expect(() => parseQuantity(text)).toThrow(RangeError);
  });

  it('compares across suffixes', () => {
    expect(compareQuantities('1Gi', '1G')).toBe(1);
    expect(compareQuantities('1000m', 1)).toBe(0);
    expect(compareQuantities('100Mi', '1Gi')).toBe(-1);
  });

  test.prop([fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n })])('a formatted quantity reads back', (milli) => {
    expect(parseQuantity(formatQuantity(milli))).toBe(milli);
  });
});
