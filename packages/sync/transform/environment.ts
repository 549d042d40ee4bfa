import { isPlainObject } from '@tmc/kernel/canonical.ts';
import type { Json, JsonObject } from '@tmc/kernel/object.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';

/** Tells every container of a pod template where it runs: PHYSICAL_CLUSTER and SYNC_TARGET, in place of equally named variables. */
export function withEnvironment(copy: JsonObject, target: TargetFacts): JsonObject {
  const spec = copy['spec'];
  const template = isPlainObject(spec) ? spec['template'] : undefined;
  const podSpec = isPlainObject(template) ? template['spec'] : undefined;
  if (!isPlainObject(spec) || !isPlainObject(template) || !isPlainObject(podSpec)) return copy;
  const variables = [
    { name: 'PHYSICAL_CLUSTER', value: target.memberCluster ?? target.name },
    { name: 'SYNC_TARGET', value: target.name },
  ];
  const extended = Object.fromEntries(
    ['containers', 'initContainers']
      .filter((field) => Array.isArray(podSpec[field]))
      .map((field) => [field, (podSpec[field] as Json[]).map((container) => extend(container, variables))]),
  );
  return { ...copy, spec: { ...spec, template: { ...template, spec: { ...podSpec, ...extended } } } };
}

function extend(container: Json, variables: { name: string; value: string }[]): Json {
  if (!isPlainObject(container)) return container;
  const env = Array.isArray(container['env']) ? container['env'] : [];
  const names = new Set<Json | undefined>(variables.map((variable) => variable.name));
  const others = env.filter((variable) => !isPlainObject(variable) || !names.has(variable['name']));
  return { ...container, env: [...variables, ...others] };
}
