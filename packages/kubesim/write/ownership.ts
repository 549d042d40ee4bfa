import type { ApiObject } from '../object.ts';
import type { Sim } from '../server/context.ts';
import type { WriteRequest } from './request.ts';

/** Records in managedFields which manager an ordinary write makes the owner of what it changed. */
export function trackOwnership(
  _sim: Sim,
  _request: WriteRequest,
  change: { old: ApiObject | undefined; next: ApiObject },
): ApiObject {
  return change.next;
}
