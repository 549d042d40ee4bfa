import { invalid, methodNotAllowed } from '../api-error.ts';
import { type ApiObject, isRecord, recordAt } from '../object.ts';
import { readJsonPath } from '../read/json-path.ts';
import type { ScalePaths } from '../resources/definition.ts';
import type { Sim } from '../server/context.ts';
import { kindSubject, type WriteRequest } from './request.ts';
import { commitUpdate, currentObject } from './update.ts';

/** GET, PUT and PATCH of the scale subresource. @throws ApiError 404, 405, 409 or 422 */
export function scaleAnswer(sim: Sim, request: WriteRequest, sent: unknown): unknown {
  const { def, verb, name } = request.target;
  const paths = def.scale as ScalePaths;
  const old = currentObject(sim, request);
  if (verb === 'get') return scaleOf(old, paths);
  if (verb !== 'update' && verb !== 'patch') throw methodNotAllowed();
  const replicas = recordAt(sent, 'spec')['replicas'];
  if (typeof replicas !== 'number') return scaleOf(old, paths);
  if (replicas < 0)
    throw invalid(kindSubject(def, name), [
      {
        reason: 'FieldValueInvalid',
        field: def.custom ? paths.specReplicasPath : 'spec.replicas',
        message: `Invalid value: ${replicas}: should be a non-negative integer`,
      },
    ]);
  const next = setAt(old, paths.specReplicasPath.split('.').filter(Boolean), replicas) as ApiObject;
  const whole = { ...request, target: { ...request.target, subresource: 'scale' } };
  return scaleOf(commitUpdate(sim, whole, { old, next }), paths);
}

function scaleOf(obj: ApiObject, paths: ScalePaths): unknown {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = obj.metadata;
  const selector = paths.labelSelectorPath ? selectorText(readJsonPath(obj, paths.labelSelectorPath)) : undefined;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: readJsonPath(obj, paths.specReplicasPath) },
    status: { replicas: readJsonPath(obj, paths.statusReplicasPath) ?? 0, ...(selector ? { selector } : {}) },
  };
}

function selectorText(selector: unknown): string {
  if (!isRecord(selector)) return typeof selector === 'string' ? selector : '';
  return Object.entries(recordAt(selector, 'matchLabels'))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function setAt(value: unknown, path: string[], leaf: unknown): unknown {
  const [field, ...rest] = path;
  if (field === undefined) return leaf;
  const record = isRecord(value) ? value : {};
  return { ...record, [field]: setAt(record[field], rest, leaf) };
}
