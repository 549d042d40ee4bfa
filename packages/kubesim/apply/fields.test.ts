import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  difference,
  differenceBelow,
  type FieldPath,
  type FieldSet,
  fieldPathText,
  fieldSetOf,
  formatFields,
  hasPath,
  intersection,
  isEmptySet,
  keyElement,
  NO_FIELDS,
  parseFields,
  pathsOf,
  union,
} from './fields.ts';

const element = fc.oneof(
  fc.constantFrom('f:a', 'f:b', 'f:metadata', 'f:with.dot/slash', 'i:0', 'v:"x"', 'v:1', 'v:true'),
  fc.constantFrom(keyElement({ name: 'c' }), keyElement({ containerPort: 80, protocol: 'TCP' })),
);
const path: fc.Arbitrary<FieldPath> = fc.array(element, { minLength: 1, maxLength: 4 });
const set = fc.array(path, { maxLength: 8 }).map(fieldSetOf);

const same = (a: FieldSet, b: FieldSet) => isEmptySet(difference(a, b)) && isEmptySet(difference(b, a));

describe('a field set', () => {
  it('is written with a dot where an element is owned and has owned fields below', () => {
    const fields = fieldSetOf([['f:data'], ['f:data', 'f:k'], ['f:spec', 'f:x']]);
    expect(formatFields(fields)).toEqual({ 'f:data': { '.': {}, 'f:k': {} }, 'f:spec': { 'f:x': {} } });
  });

  it('reads keys in any order of their fields as the same element', () => {
    const fields = parseFields({ 'f:ports': { 'k:{"protocol":"TCP","containerPort":80}': { '.': {} } } });
    expect(hasPath(fields, ['f:ports', keyElement({ containerPort: 80, protocol: 'TCP' })])).toBe(true);
  });

  it.each([
    [['f:data', 'f:k'], '.data.k'],
    [['f:containers', 'k:{"name":"c"}', 'f:image'], '.containers[name="c"].image'],
    [['f:ports', 'k:{"containerPort":80,"protocol":"TCP"}'], '.ports[containerPort=80,protocol="TCP"]'],
    [['f:finalizers', 'v:"x.y/z"'], '.finalizers[="x.y/z"]'],
  ])('writes %j as %s', (elements, text) => {
    expect(fieldPathText(elements)).toBe(text);
  });

  it.each([['text'], [null], [{ 'x:unknown': {} }], [{ 'k:not json': {} }]])('refuses %j', (fieldsV1) => {
    expect(() => parseFields(fieldsV1)).toThrow();
  });

  test.prop([set])('is the same after writing and reading', (fields) => {
    expect(same(parseFields(formatFields(fields)), fields)).toBe(true);
  });

  test.prop([set, set])('splits into intersection and difference', (a, b) => {
    expect(same(union(intersection(a, b), difference(a, b)), a)).toBe(true);
    expect(isEmptySet(intersection(difference(a, b), b))).toBe(true);
  });

  test.prop([set, set])('has the paths of both in a union', (a, b) => {
    const both = union(a, b);
    for (const one of [...pathsOf(a), ...pathsOf(b)]) expect(hasPath(both, one)).toBe(true);
    expect(same(both, union(b, a))).toBe(true);
    expect(same(union(a, NO_FIELDS), a)).toBe(true);
  });

  test.prop([set, set])('loses all below a path that is taken with what is below', (a, b) => {
    const taken = pathsOf(b);
    const startsWith = (one: FieldPath, prefix: FieldPath): boolean => prefix.every((part, at) => one[at] === part);
    for (const one of pathsOf(differenceBelow(a, b)))
      expect(taken.some((prefix) => startsWith(one, prefix))).toBe(false);
  });
});
