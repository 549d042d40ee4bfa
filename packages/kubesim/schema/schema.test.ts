import { describe, expect, it } from 'vitest';
import { builtinSchema, emptyObject, objectMetaSchema, resourceSchema } from './builtin.ts';
import { applyDefaults, decodeTyped } from './default.ts';
import { findDuplicateKeys } from './duplicate-keys.ts';
import { pruneUnknown } from './prune.ts';
import { structuralCauses } from './structural.ts';
import { typeMismatch } from './type-mismatch.ts';
import type { Cause, StructuralSchema } from './types.ts';
import { findUnknownFields } from './unknown-fields.ts';
import { validateResource } from './validate.ts';

const text: StructuralSchema = { type: 'string' };
const integer: StructuralSchema = { type: 'integer' };
const widget = (spec: StructuralSchema): StructuralSchema => ({
  type: 'object',
  properties: { spec: { type: 'object', ...spec } },
});
const fieldsAndReasons = (causes: Cause[]) => causes.map(({ field, reason }) => [field, reason]);

describe('schemas of built-in kinds', () => {
  it.each([
    ['', 'v1', 'ConfigMap'],
    ['', 'v1', 'Secret'],
    ['', 'v1', 'Pod'],
    ['', 'v1', 'Namespace'],
    ['', 'v1', 'Event'],
    ['apps', 'v1', 'Deployment'],
    ['batch', 'v1', 'CronJob'],
    ['networking.k8s.io', 'v1', 'Ingress'],
    ['discovery.k8s.io', 'v1', 'EndpointSlice'],
    ['rbac.authorization.k8s.io', 'v1', 'ClusterRole'],
    ['coordination.k8s.io', 'v1', 'Lease'],
    ['apiextensions.k8s.io', 'v1', 'CustomResourceDefinition'],
  ])('know %s/%s %s', (group, version, kind) => {
    expect(builtinSchema(group, version, kind)?.properties).toHaveProperty('metadata');
  });

  it('do not know others', () => {
    expect(builtinSchema('example.dev', 'v1', 'Widget')).toBeUndefined();
  });

  it('carry merge keys, list types and defaults of keys', () => {
    const container = builtinSchema('', 'v1', 'Pod')?.properties?.['spec']?.properties?.['containers'];
    expect(container).toMatchObject({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] });
    expect(container?.items?.properties?.['ports']).toMatchObject({
      'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
      'x-kubernetes-patch-merge-key': 'containerPort',
      items: { properties: { protocol: { default: 'TCP' } } },
    });
  });

  it('resolve types that contain themselves', () => {
    const definition = builtinSchema('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition');
    const version = definition?.properties?.['spec']?.properties?.['versions']?.items;
    const props = version?.properties?.['schema']?.properties?.['openAPIV3Schema'];
    expect(props?.properties?.['not']).toBe(props);
  });

  it('tell the structs of an empty object', () => {
    expect(emptyObject(builtinSchema('apps', 'v1', 'Deployment') ?? {})).toMatchObject({
      spec: { strategy: {}, selector: null, template: { spec: { containers: null } } },
    });
    expect(emptyObject(resourceSchema(widget({ properties: { size: integer } })))).toEqual({});
  });
});

describe('pruning and defaulting', () => {
  const item: StructuralSchema = { type: 'object', properties: { name: text, on: { type: 'boolean', default: true } } };
  const schema: StructuralSchema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        default: {},
        properties: {
          size: { type: 'integer', default: 3 },
          list: { type: 'array', items: item },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          port: { 'x-kubernetes-int-or-string': true },
          maybe: { type: 'string', nullable: true },
          never: text,
          map: { type: 'object', additionalProperties: text },
        },
      },
    },
  };
  const settled = (value: unknown) => applyDefaults(pruneUnknown(value, schema), schema);

  it.each([
    [
      'drops what is unknown, keeps what is open, fills elements',
      {
        spec: {
          unknown: 1,
          list: [{ name: 'x', y: 1 }],
          free: { any: { thing: [1] } },
          port: '80%',
          maybe: null,
          never: 'x',
        },
      },
      {
        spec: {
          list: [{ name: 'x', on: true }],
          free: { any: { thing: [1] } },
          port: '80%',
          maybe: null,
          never: 'x',
          size: 3,
        },
      },
    ],
    ['fills defaults inside defaults', { extra: 1 }, { spec: { size: 3 } }],
    ['drops null where it is not allowed', { spec: { never: null, size: null } }, { spec: { size: 3 } }],
    ['drops null in a map', { spec: { map: { k: null } } }, { spec: { map: {}, size: 3 } }],
    ['keeps what is set', { spec: { port: 8080, size: 4 } }, { spec: { port: 8080, size: 4 } }],
  ])('%s', (_name, value, expected) => {
    expect(settled(value)).toEqual(expected);
  });

  it('finds unknown fields by path', () => {
    const value = { dataa: {}, spec: { list: [{ name: 'x', y: 1 }], free: { any: 1 } } };
    expect(findUnknownFields(value, schema)).toEqual(['dataa', 'spec.list[0].y']);
  });

  it('knows fieldsV1 and embedded data of built-in kinds as open', () => {
    const deployment = builtinSchema('apps', 'v1', 'Deployment') ?? {};
    const value = { metadata: { managedFields: [{ manager: 'm', fieldsV1: { 'f:x': {} } }] }, spec: { replica: 1 } };
    expect(findUnknownFields(value, deployment)).toEqual(['spec.replica']);
    expect(pruneUnknown(value, deployment)).toEqual({ metadata: value.metadata, spec: {} });
  });

  it('decodes null and empty as a typed server does', () => {
    const value = { labels: { x: null }, annotations: {}, finalizers: [], creationTimestamp: null, name: 'a' };
    expect(decodeTyped(value, objectMetaSchema())).toEqual({ labels: { x: '' }, name: 'a' });
  });

  it.each([
    ['{"a":1,"a":2}', ['a']],
    ['{"data":{"k":"1","k":"2"},"data2":[{"x":1},{"x":1,"y":{},"x":2}]}', ['data.k', 'data2[1].x']],
    ['{"text":"a,\\"b\\":{","b":true,"c":[[],[1,2]],"d":-1.5e3}', []],
    ['[]', []],
  ])('finds keys that stand twice in %s', (json, expected) => {
    expect(findDuplicateKeys(json)).toEqual(expected);
  });

  it.each([
    [{ data: { k: 1 } }, '.data.k: expected string, got integer'],
    [{ data: 'x' }, '.data: expected object, got string'],
    [{ metadata: { labels: ['x'] } }, '.metadata.labels: expected object, got array'],
    [{ data: { k: null } }, undefined],
    [{ data: { k: 'v' } }, undefined],
  ])('tells the wrong type in %j', (value, expected) => {
    expect(typeMismatch(value, builtinSchema('', 'v1', 'ConfigMap') ?? {})).toBe(expected);
  });
});

describe('validation', () => {
  const schema = widget({
    required: ['size'],
    properties: {
      size: { type: 'integer', minimum: 1, maximum: 9 },
      color: { type: 'string', enum: ['red', 'blue'] },
      code: { type: 'string', pattern: '^[a-z]+$', minLength: 2, maxLength: 4 },
      items: {
        type: 'array',
        maxItems: 2,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: { type: 'object', required: ['name'], properties: { name: text } },
      },
      tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
      when: { type: 'string', format: 'date-time' },
      port: { 'x-kubernetes-int-or-string': true },
      maybe: { type: 'string', nullable: true },
      either: { anyOf: [{ minimum: 5 }, { maximum: 1 }], type: 'integer' },
      ratio: { type: 'number', multipleOf: 0.5, minimum: 0, exclusiveMinimum: true },
      map: { type: 'object', maxProperties: 1, additionalProperties: integer },
    },
  });

  it.each<[string, unknown, string[][]]>([
    ['required', {}, [['spec.size', 'FieldValueRequired']]],
    ['type', { size: 'x' }, [['spec.size', 'FieldValueTypeInvalid']]],
    ['minimum', { size: 0 }, [['spec.size', 'FieldValueInvalid']]],
    [
      'several at once, by field',
      { size: 10, color: 'green', code: 'A1' },
      [
        ['spec.code', 'FieldValueInvalid'],
        ['spec.color', 'FieldValueNotSupported'],
        ['spec.size', 'FieldValueInvalid'],
      ],
    ],
    ['length', { size: 1, code: 'abcde' }, [['spec.code', 'FieldValueTooLong']]],
    ['duplicate key', { size: 1, items: [{ name: 'x' }, { name: 'x' }] }, [['spec.items[1]', 'FieldValueDuplicate']]],
    ['duplicate in a set', { size: 1, tags: ['x', 'x'] }, [['spec.tags[1]', 'FieldValueDuplicate']]],
    [
      'too many',
      { size: 1, items: [{ name: 'x' }, { name: 'y' }, { name: 'z' }] },
      [['spec.items', 'FieldValueTooMany']],
    ],
    ['format', { size: 1, when: 'yesterday' }, [['spec.when', 'FieldValueTypeInvalid']]],
    ['element', { size: 1, items: [{}] }, [['spec.items[0].name', 'FieldValueRequired']]],
    ['null', { size: null }, [['spec.size', 'FieldValueTypeInvalid']]],
    ['int or string', { size: 1, port: 1.5 }, [['spec.port', 'FieldValueTypeInvalid']]],
    [
      'any of',
      { size: 1, either: 3 },
      [
        ['<nil>', 'FieldValueInvalid'],
        ['spec.either', 'FieldValueInvalid'],
      ],
    ],
    ['multiple', { size: 1, ratio: 0.7 }, [['spec.ratio', 'FieldValueInvalid']]],
    ['exclusive minimum', { size: 1, ratio: 0 }, [['spec.ratio', 'FieldValueInvalid']]],
    ['map value', { size: 1, map: { a: 'x' } }, [['spec.map.a', 'FieldValueTypeInvalid']]],
    ['map size', { size: 1, map: { a: 1, b: 2 } }, [['spec.map', 'FieldValueTooMany']]],
    [
      'nothing',
      { size: 1, when: '2026-01-01T00:00:00Z', port: '80', maybe: null, either: 7, ratio: 1.5, map: { a: 1 } },
      [],
    ],
  ])('finds %s', (_name, spec, expected) => {
    expect(fieldsAndReasons(validateResource({ spec }, schema, undefined))).toEqual(expected);
  });
});

describe('CEL rules', () => {
  const bounds = '!has(self.min) || !has(self.max) || self.min <= self.max';
  const rules = widget({
    properties: {
      min: integer,
      max: integer,
      fixed: { ...text, 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'fixed is immutable' }] },
      list: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        'x-kubernetes-validations': [{ rule: 'self.map(x, x.name).isSorted()', reason: 'FieldValueForbidden' }],
        items: {
          type: 'object',
          required: ['name'],
          properties: { name: text, value: integer },
          'x-kubernetes-validations': [{ rule: 'self.value >= oldSelf.value', fieldPath: '.value' }],
        },
      },
    },
    'x-kubernetes-validations': [{ rule: bounds, message: 'min must not exceed max' }],
  });
  const old = { spec: { fixed: 'x', list: [{ name: 'a', value: 5 }] } };

  it.each<[string, unknown, unknown, string[][]]>([
    ['hold', { min: 1, max: 5, fixed: 'x' }, undefined, []],
    ['fail', { min: 5, max: 1 }, undefined, [['spec', 'FieldValueInvalid']]],
    ['about the old value do not concern a create', { fixed: 'y' }, undefined, []],
    ['about the old value fail an update', { fixed: 'y' }, old, [['spec.fixed', 'FieldValueInvalid']]],
    ['hold for the same value', { fixed: 'x' }, old, []],
    [
      'fail together',
      { fixed: 'z', min: 9, max: 5 },
      old,
      [
        ['spec', 'FieldValueInvalid'],
        ['spec.fixed', 'FieldValueInvalid'],
      ],
    ],
    [
      'have a reason',
      {
        list: [
          { name: 'b', value: 1 },
          { name: 'a', value: 6 },
        ],
      },
      undefined,
      [['spec.list', 'FieldValueForbidden']],
    ],
    [
      'compare elements by key',
      {
        list: [
          { name: '_', value: 1 },
          { name: 'a', value: 4 },
        ],
      },
      old,
      [['spec.list[1].value', 'FieldValueInvalid']],
    ],
  ])('%s', (_name, spec, before, expected) => {
    expect(fieldsAndReasons(validateResource({ spec }, rules, before))).toEqual(expected);
  });

  it('compile for their schema', () => {
    expect(structuralCauses(rules, 'schema')).toEqual([]);
  });
});

describe('structural schemas', () => {
  const at = 'spec.validation.openAPIV3Schema';

  it.each<[string, StructuralSchema | undefined, string[][]]>([
    ['no schema', undefined, [['', 'FieldValueRequired']]],
    [
      'no types',
      { type: 'object', properties: { spec: { properties: { x: {} } } } },
      [
        ['.properties[spec].properties[x].type', 'FieldValueRequired'],
        ['.properties[spec].type', 'FieldValueRequired'],
      ],
    ],
    [
      'a rule about no field',
      widget({ 'x-kubernetes-validations': [{ rule: 'self.nope > 1' }] }),
      [['.properties[spec].x-kubernetes-validations[0].rule', 'FieldValueInvalid']],
    ],
    ['a root that is no object', { type: 'string' }, [['.type', 'FieldValueInvalid']]],
    [
      'an unknown type',
      widget({ properties: { x: { type: 'text' } } }),
      [['.properties[spec].properties[x].type', 'FieldValueNotSupported']],
    ],
    [
      'a list without items',
      widget({ properties: { x: { type: 'array' } } }),
      [['.properties[spec].properties[x].items', 'FieldValueRequired']],
    ],
    [
      'keys that need not be there',
      widget({
        properties: {
          x: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: { type: 'object', properties: { name: text } },
          },
        },
      }),
      [['.properties[spec].properties[x].items.properties[name].default', 'FieldValueRequired']],
    ],
    [
      'a default that does not fit',
      widget({ properties: { x: { ...integer, default: 'a' } } }),
      [['.properties[spec].properties[x].default', 'FieldValueTypeInvalid']],
    ],
    [
      'a type inside anyOf',
      widget({ anyOf: [{ type: 'object' }] }),
      [['.properties[spec].anyOf[0].type', 'FieldValueForbidden']],
    ],
    [
      'properties beside additionalProperties',
      widget({ properties: { x: text }, additionalProperties: text }),
      [['.properties[spec].additionalProperties', 'FieldValueForbidden']],
    ],
    [
      'a type below allOf',
      widget({ allOf: [{ properties: { b: text } }] }),
      [['.properties[spec].allOf[0].properties[b].type', 'FieldValueForbidden']],
    ],
    [
      'a default with unknown fields',
      widget({ default: { q: 1 }, properties: { a: text } }),
      [['.properties[spec].default', 'FieldValueInvalid']],
    ],
    [
      'a pattern that is none',
      widget({ properties: { x: { ...text, pattern: '[' } } }),
      [['.properties[spec].properties[x].pattern', 'FieldValueInvalid']],
    ],
    [
      'rules for metadata beyond names',
      { type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } },
      [['.properties[metadata]', 'FieldValueForbidden']],
    ],
    [
      'nothing wrong',
      widget({
        properties: {
          port: { 'x-kubernetes-int-or-string': true },
          free: { 'x-kubernetes-preserve-unknown-fields': true },
        },
      }),
      [],
    ],
  ])('with %s', (_name, schema, expected) => {
    const expectedCauses = expected.map(([field, reason]) => [`${at}${field}`, reason]);
    expect(fieldsAndReasons(structuralCauses(schema, at))).toEqual(expectedCauses);
  });
});
