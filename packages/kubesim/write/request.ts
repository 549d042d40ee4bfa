import { invalid } from '../api-error.ts';
import type { ResourceDef } from '../resources/definition.ts';
import type { Target } from '../server/context.ts';
import type { User } from '../server/identity.ts';

/** A write to one object or collection, after authorization. */
export interface WriteRequest {
  target: Target & { cluster: string };
  user: User;
  /** Field manager: the query's, else the first part of the user agent. */
  manager: string;
  dryRun: boolean;
  fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  query: URLSearchParams;
  warnings: string[];
}

const OPTIONS_KIND: Record<string, string> = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
  delete: 'DeleteOptions',
  deletecollection: 'DeleteOptions',
};

/** @throws ApiError 422 for unknown values of dryRun and fieldValidation */
export function writeRequest(
  target: Target & { cluster: string },
  parts: { user: User; query: URLSearchParams; userAgent: string },
): WriteRequest {
  const { query } = parts;
  const options = { group: 'meta.k8s.io', kind: OPTIONS_KIND[target.verb] ?? 'UpdateOptions' };
  const dryRun = query.getAll('dryRun');
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  const unsupported = (field: string, value: string, allowed: string[]) =>
    invalid(options, [
      {
        reason: 'FieldValueNotSupported',
        field,
        message: `Unsupported value: "${value}": supported values: ${allowed.map((a) => `"${a}"`).join(', ')}`,
      },
    ]);
  for (const value of dryRun) if (value !== 'All') throw unsupported('dryRun', value, ['All']);
  const levels = ['Ignore', 'Strict', 'Warn'];
  if (!levels.includes(fieldValidation)) throw unsupported('fieldValidation', fieldValidation, levels);
  return {
    target,
    user: parts.user,
    // An endpoint of kcp forwards what it is sent under its own name.
    manager: query.get('fieldManager') || (target.view ? 'kcp' : parts.userAgent.split('/')[0]) || 'unknown',
    dryRun: dryRun.length > 0,
    fieldValidation: fieldValidation as WriteRequest['fieldValidation'],
    query,
    warnings: [],
  };
}

/** How errors name a resource. */
export const resourceSubject = (def: ResourceDef, name?: string) => ({ group: def.group, kind: def.plural, name });
/** How validation errors name it: by Kind. */
export const kindSubject = (def: ResourceDef, name?: string) => ({ group: def.group, kind: def.kind, name });
