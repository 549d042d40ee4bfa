import { compileProblem } from './cel.ts';
import { type Cause, isRecord, type JsonObject, type StructuralSchema } from './types.ts';
import { findUnknownFields } from './unknown-fields.ts';
import { schemaCauses } from './validate.ts';

const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean'];
const JUNCTORS = ['allOf', 'anyOf', 'oneOf'] as const;
/** What must stand outside of allOf, anyOf, oneOf and not. */
const NOT_IN_JUNCTORS = [
  'type',
  'additionalProperties',
  'default',
  'nullable',
  'description',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
];

const cause = (reason: string, field: string, message: string): Cause => ({
  reason: `FieldValue${reason}`,
  field,
  message,
});

/**
 * Whether the schema of a custom resource is structural: every level has a type, lists have items, rules compile, defaults fit.
 * @param path where the schema stands, e.g. `spec.validation.openAPIV3Schema` (what servers say when a definition has one
 *   version) or `spec.versions[1].schema.openAPIV3Schema`
 * @returns the causes of a 422
 */
export function structuralCauses(schema: unknown, path: string): Cause[] {
  if (!isRecord(schema)) return [cause('Required', path, 'Required value: schemas are required')];
  const root = schema as StructuralSchema;
  const wrongRoot = root.type !== undefined && root.type !== 'object';
  return [
    ...(wrongRoot
      ? [cause('Invalid', `${path}.type`, `Invalid value: "${root.type}": must be object at the root`)]
      : []),
    ...levelCauses(schema, path, true),
    ...metadataCauses(root, path),
  ];
}

/** A schema may only restrict names; the rest of metadata is the server's. */
function metadataCauses({ properties }: StructuralSchema, path: string): Cause[] {
  const restricted = Object.keys(properties?.['metadata']?.properties ?? {});
  if (restricted.every((name) => name === 'name' || name === 'generateName')) return [];
  const message =
    'Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified';
  return [cause('Forbidden', `${path}.properties[metadata]`, message)];
}

function levelCauses(raw: JsonObject, path: string, isRoot = false): Cause[] {
  const schema = raw as StructuralSchema;
  return [
    ...childCauses(schema, path),
    ...typeCauses(schema, path, isRoot),
    ...containerCauses(schema, path),
    ...listTypeCauses(schema, path),
    ...extensionCauses(schema, path),
    ...junctorCauses(raw, path),
    ...defaultCauses(schema, path),
    ...ruleCauses(schema, path),
    ...patternCauses(schema, path),
  ];
}

function childCauses(schema: StructuralSchema, path: string): Cause[] {
  const causes = Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    levelCauses(child as JsonObject, `${path}.properties[${name}]`),
  );
  if (isRecord(schema.items)) causes.push(...levelCauses(schema.items as JsonObject, `${path}.items`));
  if (isRecord(schema.additionalProperties))
    causes.push(...levelCauses(schema.additionalProperties as JsonObject, `${path}.additionalProperties`));
  return causes;
}

function typeCauses(schema: StructuralSchema, path: string, isRoot: boolean): Cause[] {
  const { type } = schema;
  const field = `${path}.type`;
  if (schema['x-kubernetes-int-or-string']) return [];
  if (!type) {
    const open = !isRoot && schema['x-kubernetes-preserve-unknown-fields'];
    return open ? [] : [cause('Required', field, 'Required value: must not be empty for specified object fields')];
  }
  return TYPES.includes(type)
    ? []
    : [cause('NotSupported', field, `Unsupported value: "${type}": supported values: ${TYPES}`)];
}

function containerCauses(schema: StructuralSchema, path: string): Cause[] {
  const causes: Cause[] = [];
  if (schema.type === 'array' && !isRecord(schema.items))
    causes.push(cause('Required', `${path}.items`, 'Required value: must be specified'));
  if (Object.keys(schema.properties ?? {}).length && schema.additionalProperties !== undefined)
    causes.push(
      cause(
        'Forbidden',
        `${path}.additionalProperties`,
        'Forbidden: additionalProperties and properties are mutual exclusive',
      ),
    );
  if (schema.uniqueItems)
    causes.push(cause('Forbidden', `${path}.uniqueItems`, 'Forbidden: uniqueItems cannot be set to true'));
  return causes;
}

function listTypeCauses(schema: StructuralSchema, path: string): Cause[] {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'];
  const causes: Cause[] = [];
  if (listType !== undefined && schema.type !== 'array')
    causes.push(
      cause('Invalid', `${path}.type`, 'Invalid value: must be array if x-kubernetes-list-type is specified'),
    );
  if (listType !== 'map' && keys)
    causes.push(
      cause(
        'Invalid',
        `${path}.x-kubernetes-list-type`,
        'Invalid value: must be map if x-kubernetes-list-map-keys is non-empty',
      ),
    );
  if (listType === 'map' && !keys?.length)
    causes.push(
      cause(
        'Required',
        `${path}.x-kubernetes-list-map-keys`,
        'Required value: must not be empty if x-kubernetes-list-type is map',
      ),
    );
  const element = schema.items;
  if (listType === 'set' && element?.type === 'object' && element['x-kubernetes-map-type'] !== 'atomic') {
    const message = 'Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set';
    causes.push(cause('Invalid', `${path}.items.x-kubernetes-map-type`, message));
  }
  for (const key of listType === 'map' ? (keys ?? []) : []) causes.push(...keyCauses(key, schema, path));
  return causes;
}

function keyCauses(key: string, schema: StructuralSchema, path: string): Cause[] {
  const property = schema.items?.properties?.[key];
  if (!property)
    return [
      cause(
        'Invalid',
        `${path}.x-kubernetes-list-map-keys`,
        `Invalid value: "${key}": entries must all be names of item properties`,
      ),
    ];
  if (schema.items?.required?.includes(key) || property.default !== undefined) return [];
  const field = `${path}.items.properties[${key}].default`;
  return [
    cause(
      'Required',
      field,
      'Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
    ),
  ];
}

function extensionCauses(schema: StructuralSchema, path: string): Cause[] {
  const causes: Cause[] = [];
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    causes.push(
      cause(
        'Invalid',
        `${path}.x-kubernetes-preserve-unknown-fields`,
        'Invalid value: false: must be true or undefined',
      ),
    );
  if (schema['x-kubernetes-map-type'] !== undefined && schema.type !== 'object')
    causes.push(
      cause('Invalid', `${path}.type`, 'Invalid value: must be object if x-kubernetes-map-type is specified'),
    );
  const embedded = schema['x-kubernetes-embedded-resource'];
  if (embedded && !schema.properties && !schema['x-kubernetes-preserve-unknown-fields'])
    causes.push(
      cause(
        'Required',
        `${path}.properties`,
        'Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
  return causes;
}

function junctorCauses(schema: JsonObject, path: string): Cause[] {
  const parts: [unknown, string][] = JUNCTORS.flatMap((name) => {
    const list = schema[name];
    return Array.isArray(list) ? list.map((one, at): [unknown, string] => [one, `${path}.${name}[${at}]`]) : [];
  });
  if (schema['not'] !== undefined) parts.push([schema['not'], `${path}.not`]);
  return parts.flatMap(([part, at]) => (isRecord(part) ? forbiddenInJunctor(part, schema, at) : []));
}

function forbiddenInJunctor(part: JsonObject, schema: JsonObject, path: string): Cause[] {
  // `anyOf: [{type: integer}, {type: string}]` is how int-or-string is spelled out.
  const typeAllowed = schema['x-kubernetes-int-or-string'] === true;
  const own = NOT_IN_JUNCTORS.filter((name) => part[name] !== undefined && !(name === 'type' && typeAllowed)).map(
    (name) => cause('Forbidden', `${path}.${name}`, 'Forbidden: must be empty to be structural'),
  );
  const { properties, items } = part as StructuralSchema;
  const below: [StructuralSchema, string][] = Object.entries(properties ?? {}).map(([name, child]) => [
    child,
    `${path}.properties[${name}]`,
  ]);
  if (isRecord(items)) below.push([items, `${path}.items`]);
  return [...own, ...below.flatMap(([child, at]) => forbiddenInJunctor(child as JsonObject, {}, at))];
}

function defaultCauses(schema: StructuralSchema, path: string): Cause[] {
  if (schema.default === undefined || schema.default === null) return [];
  const field = `${path}.default`;
  if (findUnknownFields(schema.default, schema).length)
    return [cause('Invalid', field, `Invalid value: ${JSON.stringify(schema.default)}: must not have unknown fields`)];
  const fitting = schemaCauses(schema.default, schema, field);
  // A default object may leave out what is defaulted below it.
  return fitting.filter((one) => one.reason !== 'FieldValueRequired');
}

function patternCauses({ pattern }: StructuralSchema, path: string): Cause[] {
  if (pattern === undefined) return [];
  try {
    new RegExp(pattern, 'u');
    return [];
  } catch {
    return [cause('Invalid', `${path}.pattern`, `Invalid value: "${pattern}": must be a valid regular expression`)];
  }
}

function ruleCauses(schema: StructuralSchema, path: string): Cause[] {
  return (schema['x-kubernetes-validations'] ?? []).flatMap((rule, at) => {
    const field = `${path}.x-kubernetes-validations[${at}].rule`;
    if (!rule.rule) return [cause('Required', field, 'Required value: rule is not specified')];
    const problem = compileProblem(rule, schema);
    return problem ? [cause('Invalid', field, `Invalid value: "${rule.rule}": ${problem}`)] : [];
  });
}
