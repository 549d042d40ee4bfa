import type { JsonObject } from '@tmc/kernel/object.ts';
import * as z from 'zod';

/** The part of OpenAPI v3 that API servers accept in CRDs ("structural schema"). */
export type StructuralSchema = JsonObject;

/** What zod writes that structural schemas do not know. */
const DROPPED = new Set(['$schema', 'propertyNames']);

/**
 * The structural schema of a zod schema, as a client may send it: defaults make fields optional, unknown fields are pruned.
 * @throws RangeError when the schema says something structural schemas cannot (a union other than int-or-string).
 */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  return rewrite(
    z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' }) as JsonObject,
    'schema',
  );
}

function rewrite(node: JsonObject, path: string): JsonObject {
  if (node['x-kubernetes-int-or-string']) return intOrString(node);
  for (const word of ['anyOf', 'oneOf', 'allOf', 'not']) {
    if (word in node) throw new RangeError(`${path}: "${word}" has no place in a structural schema; use one type`);
  }
  const kept = Object.entries(node).filter(([word, value]) => !DROPPED.has(word) && !isUnsaid(word, value, node));
  const result: JsonObject = {};
  for (const [word, value] of kept) result[word] = rewriteWord(word, value, path) as JsonObject;
  if (isOpen(node)) {
    delete result['additionalProperties'];
    result['x-kubernetes-preserve-unknown-fields'] = true;
  }
  return result;
}

function rewriteWord(word: string, value: unknown, path: string): unknown {
  if (word === 'properties') {
    return Object.fromEntries(
      Object.entries(value as JsonObject).map(([name, child]) => [
        name,
        rewrite(child as JsonObject, `${path}.${name}`),
      ]),
    );
  }
  if (word === 'items' || word === 'additionalProperties') {
    return rewrite(value as JsonObject, `${path}.${word}`);
  }
  return value;
}

/** Bounds that only say "a safe integer of JavaScript", and zod's own pattern beside a format the server checks itself. */
function isUnsaid(word: string, value: unknown, node: JsonObject): boolean {
  if (word === 'minimum' || word === 'maximum') return Math.abs(value as number) >= 2 ** 31 - 1;
  if (word === 'additionalProperties') return value === false;
  return word === 'pattern' && node['format'] === 'date-time';
}

/** `additionalProperties: {}`: anything goes. */
function isOpen(node: JsonObject): boolean {
  const more = node['additionalProperties'];
  return typeof more === 'object' && more !== null && Object.keys(more).length === 0;
}

/** The one union structural schemas know, in its exact form: two branches without bounds. */
function intOrString(node: JsonObject): JsonObject {
  const { description, pattern } = node;
  return {
    ...(description === undefined ? {} : { description }),
    ...(pattern === undefined ? {} : { pattern }),
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
  };
}
