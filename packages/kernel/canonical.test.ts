import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { canonicalJson, contentHash, isPlainObject, jsonEqual } from './canonical.ts';
import type { Json } from './object.ts';

const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, shuffled(member)]),
  );
};
const jsonArb = fc.jsonValue().map((value) => value as Json);

describe('canonical JSON', () => {
  it('sorts keys at every depth and leaves undefined members out', () => {
    expect(canonicalJson({ b: [{ d: 1, c: undefined }], a: null })).toBe('{"a":null,"b":[{"d":1}]}');
  });

  it('keeps the order of lists', () => {
    expect(contentHash([1, 2])).not.toBe(contentHash([2, 1]));
  });

  test.prop([jsonArb])('the order of keys does not matter', (value) => {
    expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value));
    expect(contentHash(shuffled(value))).toBe(contentHash(value));
    expect(jsonEqual(shuffled(value) as Json, value)).toBe(true);
  });

  test.prop([jsonArb])('is JSON of the same value', (value) => {
    expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
  });

  it('a hash is 32 hex characters and changes with the content', () => {
    expect(contentHash({ a: 1 })).toMatch(/^[0-9a-f]{32}$/);
    expect(contentHash({ a: 1 })).not.toBe(contentHash({ a: '1' }));
    expect(contentHash(undefined)).toMatch(/^[0-9a-f]{32}$/);
  });

  it('tells objects from everything else', () => {
    expect([{}, { a: 1 }].every(isPlainObject)).toBe(true);
    expect([[], null, 'x', 1, undefined].some(isPlainObject)).toBe(false);
  });
});
