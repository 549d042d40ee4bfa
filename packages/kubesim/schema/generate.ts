/**
 * Reduces the OpenAPI v3 documents of a Kubernetes API server to `generated/builtin.json`: structure only, `$ref`s kept.
 * Usage: `node scripts/run.mjs packages/kubesim/schema/generate.ts <directory>` where the directory holds one document per group version, as
 * `kubectl get --raw /openapi/v3/apis/apps/v1` prints them.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord, type JsonObject } from './types.ts';

const KEPT = [
  'type',
  'required',
  'enum',
  'nullable',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-patch-strategy',
];
const REF_PREFIX = '#/components/schemas/';

interface Reduced {
  kinds: Record<string, string>;
  definitions: Record<string, JsonObject>;
}

const isZero = (value: unknown): boolean => value === '' || value === 0 || value === false || value === null;

/** One schema without prose; a zero default says nothing more than absence and goes, unless a list-map key needs it. */
function reduce(schema: JsonObject, keepZero: boolean): JsonObject {
  const out: JsonObject = {};
  for (const key of KEPT) if (schema[key] !== undefined) out[key] = schema[key];
  const [only] = Array.isArray(schema['allOf']) ? schema['allOf'] : [schema];
  if (typeof only['$ref'] === 'string') out['$ref'] = only['$ref'].replace(REF_PREFIX, '');
  // A Quantity (string or any number) is left open; IntOrString has its own mark.
  if (Array.isArray(schema['oneOf'])) delete out['type'];
  if (schema['format'] === 'int-or-string') out['x-kubernetes-int-or-string'] = true;
  if (schema['default'] !== undefined && (keepZero || !isZero(schema['default']))) out['default'] = schema['default'];
  if (isRecord(schema['items'])) out['items'] = withoutDefault(reduce(schema['items'], false));
  const extra = schema['additionalProperties'];
  if (isRecord(extra)) out['additionalProperties'] = withoutDefault(reduce(extra, false));
  if (isRecord(schema['properties'])) out['properties'] = reduceAll(schema['properties'], new Set());
  if (isOpenObject(schema)) out['x-kubernetes-preserve-unknown-fields'] = true;
  return out;
}

/** An object of a built-in type that names no fields (FieldsV1, RawExtension) holds anything. */
const isOpenObject = (schema: JsonObject): boolean =>
  schema['type'] === 'object' && !schema['properties'] && !schema['additionalProperties'];

const withoutDefault = ({ default: _dropped, ...rest }: JsonObject): JsonObject => rest;

function reduceAll(properties: JsonObject, keys: Set<string>): JsonObject {
  const entries = Object.entries(properties).map(([name, value]) => [
    name,
    reduce(value as JsonObject, keys.has(name)),
  ]);
  return Object.fromEntries(entries);
}

/** Fields that are keys of a list map, by the definition of the list's elements. */
function listKeys(definitions: Record<string, JsonObject>): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const visit = (schema: JsonObject): void => {
    const keys = schema['x-kubernetes-list-map-keys'];
    const items = isRecord(schema['items']) ? schema['items'] : {};
    const [only] = Array.isArray(items['allOf']) ? items['allOf'] : [items];
    if (Array.isArray(keys) && typeof only['$ref'] === 'string') {
      const name = only['$ref'].replace(REF_PREFIX, '');
      found.set(name, new Set([...(found.get(name) ?? []), ...keys]));
    }
    for (const value of Object.values(isRecord(schema['properties']) ? schema['properties'] : {}))
      visit(value as JsonObject);
  };
  for (const schema of Object.values(definitions)) visit(schema);
  return found;
}

function reachable(from: string[], definitions: Record<string, JsonObject>): Record<string, JsonObject> {
  const kept: Record<string, JsonObject> = {};
  const queue = [...from];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const schema = definitions[name];
    if (kept[name] || !schema) continue;
    kept[name] = schema;
    JSON.stringify(schema, (key, value) => {
      if (key === '$ref') queue.push(value);
      return value;
    });
  }
  return Object.fromEntries(Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function reduceDocuments(documents: JsonObject[]): Reduced {
  const schemas: Record<string, JsonObject> = {};
  for (const document of documents) {
    const components = isRecord(document['components']) ? document['components'] : {};
    Object.assign(schemas, components['schemas']);
  }
  const keys = listKeys(schemas);
  const kinds: Record<string, string> = {};
  const definitions: Record<string, JsonObject> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const reduced = reduce(schema, false);
    if (isRecord(schema['properties']))
      reduced['properties'] = reduceAll(schema['properties'], keys.get(name) ?? new Set());
    definitions[name] = reduced;
    const kind = kindOf(schema);
    if (kind) kinds[kind] = name;
  }
  return { kinds, definitions: reachable(Object.values(kinds), definitions) };
}

/** `group/version/Kind` of a definition that is a stored kind (has ObjectMeta). */
function kindOf(schema: JsonObject): string | undefined {
  const list = schema['x-kubernetes-group-version-kind'];
  const metadata = isRecord(schema['properties']) ? schema['properties']['metadata'] : undefined;
  if (!Array.isArray(list) || !JSON.stringify(metadata ?? '').includes('ObjectMeta')) return undefined;
  const { group, version, kind } = list[0];
  return `${group}/${version}/${kind}`;
}

const [directory] = process.argv.slice(2);
if (!directory)
  throw new Error(
    'usage: node scripts/run.mjs packages/kubesim/schema/generate.ts <directory of OpenAPI v3 documents>',
  );
const files = readdirSync(directory).filter((file) => file.endsWith('.json'));
const documents = files.map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')));
writeFileSync(new URL('./generated/builtin.json', import.meta.url), `${JSON.stringify(reduceDocuments(documents))}\n`);
