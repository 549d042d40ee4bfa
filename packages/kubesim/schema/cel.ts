import { isDeepStrictEqual } from 'node:util';
import { Environment } from '@marcbachmann/cel-js';
import { registerListFunctions } from './cel-functions.ts';
import { type Cause, fieldSchema, isRecord, type StructuralSchema, type ValidationRule } from './types.ts';

type Evaluate = (context: Record<string, unknown>) => unknown;

const OLD_SELF = /\boldSelf\b/;

let environment: Environment | undefined;
const compiled = new Map<string, Evaluate>();

/** Rules are evaluated untyped; `compileProblem` has checked them against the schema when the definition was made. */
function compile(rule: string): Evaluate {
  environment ??= registerListFunctions(
    new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true })
      .registerVariable('self', 'dyn')
      .registerVariable('oldSelf', 'dyn'),
  );
  const known = compiled.get(rule);
  if (known) return known;
  const expression = environment.parse(rule) as unknown as Evaluate;
  compiled.set(rule, expression);
  return expression;
}

/** Why a rule does not compile for a schema; undefined when it does. */
export function compileProblem(rule: ValidationRule, schema: StructuralSchema): string | undefined {
  if (rule.optionalOldSelf) return 'optionalOldSelf is not implemented by this server';
  try {
    const typed = registerListFunctions(
      new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true }),
    );
    for (const name of ['self', 'oldSelf']) declare(typed, name, schema);
    const checked = typed.check(rule.rule);
    if (!checked.valid) return `compilation failed: ${checked.error?.message ?? 'unknown'}`;
    return checked.type === 'bool' || checked.type === 'dyn' ? undefined : 'must evaluate to a bool';
  } catch (error) {
    return `compilation failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function declare(typed: Environment, name: string, schema: StructuralSchema): void {
  const type = celType(schema);
  if (typeof type === 'string') typed.registerVariable(name, type);
  else typed.registerVariable({ name, schema: type } as never);
}

type CelType = string | { [field: string]: CelType };

const SCALARS: Record<string, string> = { string: 'string', integer: 'int', number: 'double', boolean: 'bool' };

/** The type a rule sees; what is open, or a list or map of objects, is left to run time. */
function celType(schema: StructuralSchema): CelType {
  if (schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields']) return 'dyn';
  if (schema.type === 'array') return `list<${elementType(schema.items)}>`;
  if (schema.type !== 'object') return SCALARS[schema.type ?? ''] ?? 'dyn';
  if (schema.additionalProperties) return `map<string, ${elementType(fieldSchema(schema, ''))}>`;
  return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, child]) => [name, celType(child)]));
}

const elementType = (schema: StructuralSchema | undefined): string => {
  const type = schema ? celType(schema) : 'dyn';
  return typeof type === 'string' ? type : 'dyn';
};

/**
 * Evaluates `x-kubernetes-validations` of a value and all below it. Rules about `oldSelf` hold only where the old value has a
 * counterpart: same field, same key of a map or list map.
 */
export function celCauses(value: unknown, schema: StructuralSchema, old: unknown, path = ''): Cause[] {
  if (value === undefined || value === null) return [];
  const rules = schema['x-kubernetes-validations'] ?? [];
  const own = rules.flatMap((rule) => ruleCauses(rule, { value, old, schema, path }));
  return [...own, ...celBelow(value, schema, old, path)];
}

interface Subject {
  value: unknown;
  old: unknown;
  schema: StructuralSchema;
  path: string;
}

function ruleCauses(rule: ValidationRule, { value, old, schema, path }: Subject): Cause[] {
  const transition = OLD_SELF.test(rule.rule);
  if (transition && (old === undefined || old === null)) return [];
  const context = { self: toCel(value, schema), ...(transition ? { oldSelf: toCel(old, schema) } : {}) };
  const field = rule.fieldPath ? `${path}${rule.fieldPath}` : path;
  try {
    if (compile(rule.rule)(context) === true) return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [{ reason: 'FieldValueInvalid', field, message: `rule "${rule.rule}" failed to evaluate: ${why}` }];
  }
  return [{ reason: rule.reason ?? 'FieldValueInvalid', field, message: `Invalid value: ${messageOf(rule, context)}` }];
}

function messageOf(rule: ValidationRule, context: Record<string, unknown>): string {
  const fallback = rule.message ?? `failed rule: ${rule.rule}`;
  if (!rule.messageExpression) return fallback;
  try {
    return String(compile(rule.messageExpression)(context));
  } catch {
    // A message that cannot be made does not hide the failed rule.
    return fallback;
  }
}

function celBelow(value: unknown, schema: StructuralSchema, old: unknown, path: string): Cause[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return [];
    return value.flatMap((item, at) => celCauses(item, items, counterpart(item, schema, old), `${path}[${at}]`));
  }
  if (!isRecord(value)) return [];
  const before = isRecord(old) ? old : {};
  return Object.entries(value).flatMap(([name, content]) => {
    const child = fieldSchema(schema, name);
    return child ? celCauses(content, child, before[name], path ? `${path}.${name}` : name) : [];
  });
}

/** The old element with the same keys; only list maps have one. */
function counterpart(item: unknown, schema: StructuralSchema, old: unknown): unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || !keys || !Array.isArray(old) || !isRecord(item)) return undefined;
  return old.find((other) => isRecord(other) && keys.every((key) => isDeepStrictEqual(other[key], item[key])));
}

/** JSON as CEL values: integers are big integers where the schema says so or leaves it open. */
function toCel(value: unknown, schema: StructuralSchema | undefined): unknown {
  if (typeof value === 'number') return Number.isInteger(value) && schema?.type !== 'number' ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([name, content]) => [
    name,
    toCel(content, schema && fieldSchema(schema, name)),
  ]);
  return Object.fromEntries(entries);
}
