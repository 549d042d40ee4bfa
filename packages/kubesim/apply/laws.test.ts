import { isDeepStrictEqual } from 'node:util';
import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { resourceSchema } from '../schema/builtin.ts';
import type { JsonObject, StructuralSchema } from '../schema/types.ts';
import { applyPatch } from './server-side-apply.ts';
import { trackUpdate } from './update-ownership.ts';

const text: StructuralSchema = { type: 'string' };
const element: StructuralSchema = { type: 'object', properties: { name: text, value: text } };
const schema = resourceSchema({
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        map: { type: 'object', additionalProperties: text },
        atomic: { type: 'array', items: text },
        set: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
        items: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: element,
        },
      },
    },
  },
});

/** A body whose map keys and element names start with a prefix, so that two prefixes share no field. */
const body = (prefix: string): fc.Arbitrary<JsonObject> => {
  const value = fc.constantFrom('1', '2', '3');
  const name = fc.constantFrom('a', 'b', 'c').map((one) => `${prefix}${one}`);
  const items = fc.uniqueArray(fc.record({ name, value }), { minLength: 1, maxLength: 3, selector: (one) => one.name });
  const spec = fc.record(
    {
      map: fc.dictionary(name, value, { minKeys: 1, maxKeys: 3 }),
      set: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
      items,
    },
    { requiredKeys: ['map'] },
  );
  return spec.map((content) => ({
    apiVersion: 'example.dev/v1',
    kind: 'Widget',
    metadata: { name: 'w' },
    spec: content,
  }));
};

const apply = (live: JsonObject | undefined, manager: string, applied: JsonObject): JsonObject => {
  const result = applyPatch({
    live,
    applied,
    manager,
    schema,
    apiVersion: 'example.dev/v1',
    nowIso: '2026-01-01T00:00:00Z',
    force: true,
  });
  if (!('object' in result)) throw new Error(JSON.stringify(result));
  return result.object;
};

const managedFields = (object: JsonObject): unknown => (object['metadata'] as JsonObject)['managedFields'];

/** The object with its lists sorted and no times: which manager came first, or changed a value, shows only there. */
const unordered = (value: unknown): unknown => {
  if (Array.isArray(value))
    return value.map(unordered).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== 'time');
  return Object.fromEntries(entries.map(([name, content]) => [name, unordered(content)]));
};
/** Without maps that are there and empty. */
const compact = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(unordered(value), (_, one) =>
      isDeepStrictEqual(one, {}) || isDeepStrictEqual(one, []) ? undefined : one,
    ),
  );

describe('apply', () => {
  test.prop([body('x'), body('x')])('repeated changes nothing', (first, second) => {
    const once = apply(apply(undefined, 'one', first), 'two', second);
    expect(apply(once, 'two', second)).toEqual(once);
  });

  test.prop([body('x'), body('y')])('by managers of other fields gives the same in any order', (mine, yours) => {
    const there = apply(apply(undefined, 'one', mine), 'two', yours);
    const back = apply(apply(undefined, 'two', yours), 'one', mine);
    expect(unordered(there)).toEqual(unordered(back));
  });

  test.prop([body('x'), body('y'), body('y')])(
    'of less removes what was applied before, and only that',
    (mine, yours, later) => {
      const changed = apply(apply(apply(undefined, 'one', mine), 'two', yours), 'two', later);
      const direct = apply(apply(undefined, 'one', mine), 'two', later);
      expect(compact(changed['spec'])).toEqual(compact(direct['spec']));
      expect(unordered(managedFields(changed))).toEqual(unordered(managedFields(direct)));
    },
  );

  test.prop([body('x'), body('x')])('after an update of the same values owns without a change', (created, update) => {
    const common = { schema, apiVersion: 'example.dev/v1', nowIso: '2026-01-01T00:00:00Z' };
    const stored = trackUpdate({ before: undefined, after: created, manager: 'editor', ...common });
    const written = trackUpdate({ before: stored, after: update, manager: 'editor', ...common });
    const applied = apply(written, 'one', update);
    expect(applied['spec']).toEqual(written['spec']);
  });
});
