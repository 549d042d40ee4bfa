import { notImplemented } from '../api-error.ts';
import type { ApiObject } from '../object.ts';
import type { Sim } from '../server/context.ts';
import type { WriteRequest } from './request.ts';

export function applyObject(_sim: Sim, _request: WriteRequest, _text: string): { obj: ApiObject; created: boolean } {
  throw notImplemented('apply');
}
