import { describe, expect, it } from 'vitest';
import { reduceOpenApi } from './reduce-openapi.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const GVK = { group: 'apps', version: 'v1', kind: 'Thing' };
const reference = (name: string, rest = {}) => ({
  default: {},
  allOf: [{ $ref: `#/components/schemas/${name}` }],
  ...rest,
});

const DOCUMENT = {
  components: {
    schemas: {
      Thing: {
        type: 'object',
        'x-kubernetes-group-version-kind': [GVK],
        properties: { metadata: reference(META), spec: reference('Spec', { description: 'the spec' }) },
      },
      Spec: {
        type: 'object',
        required: ['size'],
        properties: {
          size: { type: 'integer', format: 'int32', default: 0, description: 'how many' },
          protocol: { type: 'string', default: 'TCP' },
          port: { $ref: '#/components/schemas/IntOrString' },
          limits: { type: 'object', additionalProperties: reference('Quantity') },
          template: { type: 'object', properties: { metadata: reference(META) } },
          refs: {
            type: 'array',
            items: reference('Ref'),
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            'x-kubernetes-patch-merge-key': 'name',
          },
        },
      },
      Ref: { type: 'object', properties: { name: { type: 'string', default: '' } } },
      IntOrString: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
      Quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
      [META]: {
        type: 'object',
        properties: {
          labels: { type: 'object', additionalProperties: { type: 'string', default: '' } },
          creationTimestamp: { type: 'string', format: 'date-time' },
          deletionTimestamp: { type: 'string', format: 'date-time' },
          managedFields: { type: 'array', items: { type: 'object' } },
        },
      },
    },
  },
};

describe('reducing an OpenAPI document', () => {
  it('resolves references, keeps what structural schemas know and spells out template metadata', () => {
    expect(reduceOpenApi(DOCUMENT, GVK)).toEqual({
      type: 'object',
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: {
          type: 'object',
          required: ['size'],
          properties: {
            size: { type: 'integer', format: 'int32' },
            protocol: { type: 'string', default: 'TCP' },
            port: { 'x-kubernetes-int-or-string': true },
            limits: { type: 'object', additionalProperties: { 'x-kubernetes-int-or-string': true } },
            template: {
              type: 'object',
              properties: {
                metadata: {
                  type: 'object',
                  properties: {
                    labels: { type: 'object', additionalProperties: { type: 'string' } },
                    creationTimestamp: { type: 'string', format: 'date-time', nullable: true },
                    deletionTimestamp: { type: 'string', format: 'date-time', nullable: true },
                  },
                },
              },
            },
            refs: {
              type: 'array',
              items: { type: 'object', properties: { name: { type: 'string', default: '' } } },
              'x-kubernetes-list-type': 'map',
              'x-kubernetes-list-map-keys': ['name'],
            },
          },
        },
      },
    });
  });

  it('refuses a document without the kind', () => {
    expect(() => reduceOpenApi(DOCUMENT, { ...GVK, kind: 'Other' })).toThrow('no schema of apps/v1 Other');
  });
});
