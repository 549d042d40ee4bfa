import { type ApiObject, isRecord, recordAt } from '../object.ts';

interface StatusParts {
  deployment: ApiObject;
  /** Name of the ReplicaSet in use. */
  replicaSetName: string;
  ready: number;
  wanted: number;
  now: Date;
}

/** The status the Deployment controller writes for so many ready pods. */
export function deploymentStatus({
  deployment,
  replicaSetName,
  ready,
  wanted,
  now,
}: StatusParts): Record<string, unknown> {
  const time = `${now.toISOString().slice(0, 19)}Z`;
  const known = recordAt(deployment, 'status')['conditions'];
  const conditions = Array.isArray(known) ? known.filter(isRecord) : [];
  const complete = ready >= wanted;
  const available = complete
    ? { status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : {
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
  const progressing = complete
    ? {
        status: 'True',
        reason: 'NewReplicaSetAvailable',
        message: `ReplicaSet "${replicaSetName}" has successfully progressed.`,
      }
    : { status: 'True', reason: 'ReplicaSetUpdated', message: `ReplicaSet "${replicaSetName}" is progressing.` };
  const counts = {
    replicas: wanted,
    updatedReplicas: wanted,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, wanted - ready),
  };
  return {
    observedGeneration: deployment.metadata.generation,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    terminatingReplicas: 0,
    conditions: [
      condition(conditions, 'Available', available, time),
      condition(conditions, 'Progressing', progressing, time),
    ],
  };
}

/** Keeps the times of a condition that says the same as before. */
function condition(
  known: Record<string, unknown>[],
  type: string,
  says: { status: string; reason: string; message: string },
  time: string,
) {
  const before = known.find((other) => other['type'] === type);
  if (before && before['status'] === says.status && before['reason'] === says.reason) return before;
  const lastTransitionTime = before?.['status'] === says.status ? before['lastTransitionTime'] : time;
  return { type, ...says, lastUpdateTime: time, lastTransitionTime };
}
