import { type ApiObject, without } from '../object.ts';

/** Fields of a core Event by what events.k8s.io calls them. */
const RENAMED: Record<string, string> = {
  involvedObject: 'regarding',
  message: 'note',
  count: 'deprecatedCount',
  source: 'deprecatedSource',
  firstTimestamp: 'deprecatedFirstTimestamp',
  lastTimestamp: 'deprecatedLastTimestamp',
  reportingComponent: 'reportingController',
};

/** A core Event as events.k8s.io/v1 shows it. */
export function asNewEvent(obj: ApiObject): ApiObject {
  const renamed = Object.entries(RENAMED).flatMap(([from, to]) => (from in obj ? [[to, obj[from]]] : []));
  return { ...without(obj, ...Object.keys(RENAMED)), ...Object.fromEntries(renamed), apiVersion: 'events.k8s.io/v1' };
}
