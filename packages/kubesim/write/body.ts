import { badRequest, invalid } from '../api-error.ts';
import { type ApiObject, isRecord } from '../object.ts';
import { groupVersionOf } from '../resources/definition.ts';
import type { WriteRequest } from './request.ts';

/**
 * The body of a create or update as an object of the resource, apiVersion and kind filled in.
 * @throws ApiError 400 when it is none, or of another kind, version or namespace
 */
export function checkBody(request: WriteRequest, body: unknown): ApiObject {
  const { def, namespace } = request.target;
  if (!isRecord(body)) throw badRequest('the object provided is unrecognized (must be of type Object)');
  const apiVersion = body['apiVersion'] ?? groupVersionOf(def);
  const kind = body['kind'] ?? def.kind;
  if (def.custom && apiVersion === groupVersionOf(def) && kind !== def.kind) throw wrongKind(request, { body, kind });
  if (apiVersion !== groupVersionOf(def) || kind !== def.kind)
    throw badRequest(
      `${kind} in version "${apiVersion}" cannot be handled as a ${def.kind} in version "${groupVersionOf(def)}"`,
    );
  const metadata = body['metadata'] ?? {};
  if (!isRecord(metadata)) throw badRequest(`json: cannot unmarshal into Go struct field ${def.kind}.metadata`);
  if (metadata['namespace'] && def.namespaced && metadata['namespace'] !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  return { ...body, apiVersion: String(apiVersion), kind: String(kind), metadata };
}

/** Custom resources say it as a validation error. */
function wrongKind(request: WriteRequest, { body, kind }: { body: Record<string, unknown>; kind: unknown }) {
  const { def, name } = request.target;
  const sent = isRecord(body['metadata']) ? body['metadata']['name'] : undefined;
  return invalid({ group: def.group, kind: String(kind), name: name || (sent === undefined ? '' : String(sent)) }, [
    { reason: 'FieldValueInvalid', field: 'kind', message: `Invalid value: "${kind}": must be ${def.kind}` },
  ]);
}
