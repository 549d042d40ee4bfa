import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { time } from './kinds/fields.ts';
import { structuralSchema } from './structural.ts';

describe('structural schemas', () => {
  it('int-or-string has exactly two branches', () => {
    expect(
      structuralSchema(
        z.object({
          cpu: z
            .union([z.string(), z.int()])
            .meta({ description: 'CPU', pattern: '^1$', 'x-kubernetes-int-or-string': true }),
        }),
      ),
    ).toEqual({
      type: 'object',
      properties: {
        cpu: {
          description: 'CPU',
          pattern: '^1$',
          anyOf: [{ type: 'integer' }, { type: 'string' }],
          'x-kubernetes-int-or-string': true,
        },
      },
      required: ['cpu'],
    });
  });

  it('a time keeps its format and loses the pattern, a count its unsafe bounds', () => {
    const schema = structuralSchema(z.object({ at: time, count: z.int().min(1), small: z.int32().max(5) }));
    expect(schema['properties']).toEqual({
      at: { type: 'string', format: 'date-time' },
      count: { type: 'integer', minimum: 1 },
      small: { type: 'integer', maximum: 5 },
    });
  });

  it('a field with a default may be left out, at every depth', () => {
    const schema = structuralSchema(z.object({ mode: z.object({ on: z.boolean().default(true) }).prefault({}) }));
    expect(schema).toEqual({
      type: 'object',
      properties: {
        mode: { type: 'object', default: {}, properties: { on: { type: 'boolean', default: true } } },
      },
    });
  });

  it('free-form maps are preserved, maps of texts stay typed, nullable stays', () => {
    const schema = structuralSchema(
      z.object({
        free: z.record(z.string(), z.unknown()),
        map: z.record(z.string(), z.string()),
        none: z.string().nullable(),
      }),
    );
    expect(schema['properties']).toEqual({
      free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      map: { type: 'object', additionalProperties: { type: 'string' } },
      none: { type: 'string', nullable: true },
    });
  });

  it('a literal becomes an enumeration', () => {
    expect(structuralSchema(z.literal('x').default('x'))).toEqual({ type: 'string', enum: ['x'], default: 'x' });
  });

  it('refuses a union, naming the field', () => {
    expect(() => structuralSchema(z.object({ a: z.object({ b: z.union([z.string(), z.boolean()]) }) }))).toThrow(
      'schema.a.b: "anyOf" has no place in a structural schema',
    );
  });
});
