import { badRequest } from '../api-error.ts';
import { type ApiObject, isRecord } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';
import { type FieldRequirement, matchesFields, parseFieldSelector } from '../selector/field.ts';
import { matchesLabels, parseLabelSelector, SelectorError } from '../selector/label.ts';
import type { Target } from '../server/context.ts';

/** Which objects of a collection a request is about. */
export interface Selection {
  matches: (obj: ApiObject) => boolean;
  /** Whether it leaves anything out: lists then carry no remainingItemCount. */
  selective: boolean;
  /** Whether it names one object, so that nothing else is looked at. */
  single: boolean;
}

type Matcher = (obj: ApiObject) => boolean;

/** Fields besides name and namespace that objects of a resource can be selected by. */
const SELECTABLE: Record<string, string[]> = {
  'events.core': [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  'namespaces.core': ['status.phase'],
  'nodes.core': ['spec.unschedulable'],
  'pods.core': [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  'replicasets.apps': ['status.replicas'],
  'secrets.core': ['type'],
};

/** @throws ApiError 400 for selectors that do not parse or name fields that cannot be selected by */
export function selectionOf(target: Target, query: URLSearchParams): Selection {
  const matchers: Matcher[] = [];
  if (target.name) matchers.push((obj) => obj.metadata.name === target.name);
  const labels = query.get('labelSelector');
  if (labels) matchers.push(labelMatcher(labels));
  const fields = query.get('fieldSelector');
  if (fields) matchers.push(fieldMatcher(target, fields));
  const { view } = target;
  if (view?.requiredLabel) {
    const { key, value } = view.requiredLabel;
    matchers.push((obj) => obj.metadata.labels?.[key] === value);
  }
  if (view?.visible) matchers.push(view.visible);
  const single = target.name !== '' || /(^|,)metadata\.name==?[^=]/.test(fields ?? '');
  return { matches: (obj) => matchers.every((matcher) => matcher(obj)), selective: matchers.length > 0, single };
}

function labelMatcher(text: string): Matcher {
  const requirements = parsed(() => parseLabelSelector(text));
  return (obj) => matchesLabels(requirements, obj.metadata.labels);
}

function fieldMatcher(target: Target, text: string): Matcher {
  const requirements = parsed(() => parseFieldSelector(text));
  for (const { field } of requirements) checkField(target.def, field);
  // As kcp: over all tenants a namespace selects nothing of an export's own resources.
  const lost = target.cluster === undefined && !target.view?.requiredLabel && requirements.some(byNamespace);
  return lost ? () => false : (obj) => matchesFields(requirements, (field) => readField(obj, field));
}

const byNamespace = ({ field, negated }: FieldRequirement): boolean => field === 'metadata.namespace' && !negated;

function checkField(def: ResourceDef, field: string): void {
  if (field === 'metadata.name' || field === 'metadata.namespace') return;
  if (SELECTABLE[def.storage]?.includes(field)) return;
  throw badRequest(
    SELECTABLE[def.storage]
      ? `field label not supported: ${field}`
      : `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

function readField(obj: ApiObject, field: string): string | undefined {
  let value: unknown = obj;
  for (const part of field.split('.')) value = isRecord(value) ? value[part] : undefined;
  return value === undefined || isRecord(value) ? undefined : String(value);
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}
