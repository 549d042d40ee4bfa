import { divideAmong } from '@tmc/apis/divide.ts';
import { isPlainObject } from '@tmc/kernel/canonical.ts';
import type { JsonObject } from '@tmc/kernel/object.ts';
import type { Decision } from '@tmc/kernel/records.ts';

/** A Deployment's replicas on one target: its share when the decision divides, else all of them. */
export function withReplicas(copy: JsonObject, decision: Decision, targetKey: string): JsonObject {
  const spec = copy['spec'];
  if (decision.division !== 'Divided' || !isPlainObject(spec)) return copy;
  const wanted = typeof spec['replicas'] === 'number' ? spec['replicas'] : 1;
  const claims = decision.targets.filter((target) => target.state === 'Active');
  const share = divideAmong(wanted, claims).get(targetKey) ?? 0;
  return { ...copy, spec: { ...spec, replicas: share } };
}
