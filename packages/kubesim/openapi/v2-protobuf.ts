import { isRecord, type JsonObject } from '../schema/types.ts';

/** What clients call the form of OpenAPI v2 that kubectl before 1.27 reads. */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

/** Field numbers of the messages in gnostic's OpenAPIv2.proto, as far as they are written. */
const SCHEMA = {
  ref: 1,
  format: 2,
  description: 4,
  required: 19,
  additional: 21,
  type: 22,
  items: 23,
  properties: 25,
  extension: 31,
};
const OPERATION = { parameters: 8, extension: 13 };
const METHODS: Record<string, number> = { get: 2, put: 3, post: 4, delete: 5, patch: 8 };
const DOCUMENT = { swagger: 1, info: 2, paths: 8, definitions: 9 };

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** A field whose value has a length: text or a message. */
function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

const texts = (number: number, values: unknown): Buffer[] =>
  Array.isArray(values) ? values.map((value) => field(number, String(value))) : [];
const named = (name: string, value: Buffer): Buffer => Buffer.concat([field(1, name), field(2, value)]);

/** `x-…` members; their values travel as YAML, which JSON is. */
const extensions = (number: number, of: JsonObject): Buffer[] =>
  Object.entries(of)
    .filter(([name]) => name.startsWith('x-'))
    .map(([name, value]) => field(number, named(name, field(2, JSON.stringify(value)))));

function schemaMessage(schema: JsonObject): Buffer {
  const { $ref, type, properties, items, additionalProperties } = schema;
  // Old clients read nothing beside a reference.
  if (typeof $ref === 'string') return field(SCHEMA.ref, $ref);
  const parts: Buffer[] = [];
  for (const name of ['format', 'description'] as const)
    if (typeof schema[name] === 'string') parts.push(field(SCHEMA[name], schema[name]));
  parts.push(...texts(SCHEMA.required, schema['required']));
  if (isRecord(additionalProperties))
    parts.push(field(SCHEMA.additional, field(1, schemaMessage(additionalProperties))));
  if (typeof type === 'string') parts.push(field(SCHEMA.type, field(1, type)));
  if (isRecord(items)) parts.push(field(SCHEMA.items, field(1, schemaMessage(items))));
  if (isRecord(properties)) parts.push(field(SCHEMA.properties, Buffer.concat(schemas(properties))));
  return Buffer.concat([...parts, ...extensions(SCHEMA.extension, schema)]);
}

const schemas = (of: JsonObject): Buffer[] =>
  Object.entries(of).map(([name, schema]) => field(1, named(name, schemaMessage(isRecord(schema) ? schema : {}))));

/** `Operation`: what clients look at is which query parameters it takes for which kind. */
function operationMessage(operation: JsonObject): Buffer {
  const parameters = Array.isArray(operation['parameters']) ? operation['parameters'].filter(isRecord) : [];
  const encoded = parameters.map(({ name }) => {
    const query = Buffer.concat([field(2, 'query'), field(4, String(name)), field(6, 'string')]);
    return field(OPERATION.parameters, field(1, field(2, field(3, query))));
  });
  return Buffer.concat([...encoded, ...extensions(OPERATION.extension, operation)]);
}

function pathMessage(item: JsonObject): Buffer {
  const operations = Object.entries(item).flatMap(([method, operation]) =>
    METHODS[method] && isRecord(operation) ? [field(METHODS[method], operationMessage(operation))] : [],
  );
  return Buffer.concat(operations);
}

/** An OpenAPI v2 document as protobuf. */
export function encodeOpenApiV2(document: JsonObject): Buffer {
  const { paths, definitions } = document;
  const info = isRecord(document['info']) ? document['info'] : {};
  return Buffer.concat([
    field(DOCUMENT.swagger, '2.0'),
    field(DOCUMENT.info, Buffer.concat([field(1, String(info['title'])), field(2, String(info['version']))])),
    field(
      DOCUMENT.paths,
      Buffer.concat(
        Object.entries(isRecord(paths) ? paths : {}).map(([path, item]) =>
          field(2, named(path, pathMessage(isRecord(item) ? item : {}))),
        ),
      ),
    ),
    field(DOCUMENT.definitions, Buffer.concat(schemas(isRecord(definitions) ? definitions : {}))),
  ]);
}
