import { isDeepStrictEqual } from 'node:util';
import { celCauses } from './cel.ts';
import { hasFormat } from './formats.ts';
import { hasType, jsonType } from './type-mismatch.ts';
import { type Cause, fieldSchema, isRecord, type JsonObject, type StructuralSchema } from './types.ts';

/**
 * Checks a custom resource against its schema, and, when that finds nothing, against its CEL rules.
 * @param old what is stored, for transition rules; undefined on create
 * @returns the causes of a 422, by field
 */
export function validateResource(value: unknown, schema: StructuralSchema, old: unknown): Cause[] {
  const causes = schemaCauses(value, schema, '');
  return byField(causes.length ? causes : celCauses(value, schema, old));
}

const byField = (causes: Cause[]): Cause[] =>
  causes.toSorted((a, b) => (a.field < b.field ? -1 : Number(a.field > b.field)));

/** Where `name` is below `path`. */
const childPath = (path: string, name: string): string => (path ? `${path}.${name}` : name);

const show = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? '');

const cause = (reason: string, field: string, message: string): Cause => ({ reason, field, message });

const invalid = (field: string, value: unknown, why: string): Cause =>
  cause('FieldValueInvalid', field, `Invalid value: ${show(value)}: ${field} in body ${why}`);

/** The causes a schema alone finds, in document order. */
export function schemaCauses(value: unknown, schema: StructuralSchema, path: string): Cause[] {
  if (value === null && schema.nullable) return [];
  if (!hasType(value, schema)) {
    const expected = schema.type ?? 'integer,string';
    const message = `Invalid value: "${jsonType(value)}": ${path} in body must be of type ${expected}: "${jsonType(value)}"`;
    return [cause('FieldValueTypeInvalid', path, message), ...enumCauses(value, schema, path)];
  }
  return [
    ...valueCauses(value, schema, path),
    ...junctorCauses(value, schema, path),
    ...belowCauses(value, schema, path),
  ];
}

function enumCauses(value: unknown, schema: StructuralSchema, path: string): Cause[] {
  if (!schema.enum || schema.enum.some((one) => isDeepStrictEqual(one, value))) return [];
  const supported = schema.enum.map(show).join(', ');
  return [cause('FieldValueNotSupported', path, `Unsupported value: ${show(value)}: supported values: ${supported}`)];
}

/** Numbers out of their format's range are reported without a field. */
function formatCauses(value: unknown, { format }: StructuralSchema, path: string): Cause[] {
  if (!format || hasFormat(value, format)) return [];
  if (typeof value === 'number')
    return [
      cause('FieldValueInvalid', NO_FIELD, `Invalid value: "": Checked value must be of format ${format} in ${path}`),
    ];
  return [
    cause('FieldValueTypeInvalid', path, `Invalid value: ${show(value)}: ${path} in body must be of type ${format}`),
  ];
}

function valueCauses(value: unknown, schema: StructuralSchema, path: string): Cause[] {
  const causes = [...enumCauses(value, schema, path), ...formatCauses(value, schema, path)];
  if (typeof value === 'number') causes.push(...numberCauses(value, schema, path));
  if (typeof value === 'string') causes.push(...textCauses(value, schema, path));
  if (Array.isArray(value)) causes.push(...listCauses(value, schema, path));
  if (isRecord(value)) causes.push(...sizeCauses(Object.keys(value).length, schema, path));
  return causes;
}

function numberCauses(value: number, schema: StructuralSchema, path: string): Cause[] {
  const { minimum, maximum, multipleOf } = schema;
  const causes: Cause[] = [];
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum))
    causes.push(
      invalid(path, value, `should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`),
    );
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum))
    causes.push(invalid(path, value, `should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`));
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf))
    causes.push(invalid(path, value, `should be a multiple of ${multipleOf}`));
  return causes;
}

function textCauses(value: string, schema: StructuralSchema, path: string): Cause[] {
  const { pattern, minLength, maxLength } = schema;
  const causes: Cause[] = [];
  const length = [...value].length;
  if (maxLength !== undefined && length > maxLength)
    // A text that is too long is not checked further.
    return [cause('FieldValueTooLong', path, `Too long: may not be more than ${maxLength} bytes`)];
  if (minLength !== undefined && length < minLength)
    causes.push(invalid(path, value, `should be at least ${minLength} chars long`));
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value))
    causes.push(invalid(path, value, `should match '${pattern}'`));
  return causes;
}

function listCauses(value: unknown[], schema: StructuralSchema, path: string): Cause[] {
  const { minItems, maxItems } = schema;
  const causes: Cause[] = [];
  if (maxItems !== undefined && value.length > maxItems)
    causes.push(cause('FieldValueTooMany', path, `Too many: ${value.length}: must have at most ${maxItems} items`));
  if (minItems !== undefined && value.length < minItems)
    causes.push(invalid(path, value.length, `should have at least ${minItems} items`));
  return [...causes, ...duplicateCauses(value, schema, path)];
}

function duplicateCauses(value: unknown[], schema: StructuralSchema, path: string): Cause[] {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== 'set' && listType !== 'map') return [];
  const identity = (item: unknown): unknown =>
    listType === 'set' || !isRecord(item) ? item : Object.fromEntries(keys.map((key) => [key, item[key]]));
  const identities = value.map(identity);
  return identities.flatMap((one, at) =>
    identities.slice(0, at).some((other) => isDeepStrictEqual(one, other))
      ? [cause('FieldValueDuplicate', `${path}[${at}]`, `Duplicate value: ${show(one)}`)]
      : [],
  );
}

function sizeCauses(size: number, { minProperties, maxProperties }: StructuralSchema, path: string): Cause[] {
  if (maxProperties !== undefined && size > maxProperties)
    return [cause('FieldValueTooMany', path, `Too many: ${size}: must have at most ${maxProperties} items`)];
  if (minProperties !== undefined && size < minProperties)
    return [invalid(path, size, `should have at least ${minProperties} properties`)];
  return [];
}

/** What real servers name as the field of a cause that is about no single field. */
const NO_FIELD = '<nil>';

/** anyOf also tells what is wrong with its first schema. */
function junctorCauses(value: unknown, schema: StructuralSchema, path: string): Cause[] {
  const { allOf = [], anyOf, oneOf, not } = schema;
  const fits = (one: StructuralSchema): boolean => schemaCauses(value, one, path).length === 0;
  const must = (what: string): Cause =>
    cause('FieldValueInvalid', NO_FIELD, `Invalid value: "": "${path}" must ${what}`);
  const causes = allOf.flatMap((one) => schemaCauses(value, one, path));
  if (anyOf && !anyOf.some(fits))
    causes.push(must('validate at least one schema (anyOf)'), ...schemaCauses(value, anyOf[0] ?? {}, path));
  if (oneOf && oneOf.filter(fits).length !== 1) causes.push(must('validate one and only one schema (oneOf)'));
  if (not && fits(not)) causes.push(must('not validate the schema (not)'));
  return causes;
}

function belowCauses(value: unknown, schema: StructuralSchema, path: string): Cause[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.flatMap((item, at) => schemaCauses(item, items, `${path}[${at}]`)) : [];
  }
  return isRecord(value) ? fieldCauses(value, schema, path) : [];
}

function fieldCauses(value: JsonObject, schema: StructuralSchema, path: string): Cause[] {
  const absent = (schema.required ?? []).filter((name) => value[name] === undefined);
  const causes = absent.map((name) => cause('FieldValueRequired', childPath(path, name), 'Required value'));
  for (const [name, content] of Object.entries(value)) {
    const child = fieldSchema(schema, name);
    if (child) causes.push(...schemaCauses(content, child, childPath(path, name)));
  }
  return causes;
}
