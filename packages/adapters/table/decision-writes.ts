import { canonicalJson } from '@tmc/kernel/canonical.ts';
import type { JsonObject } from '@tmc/kernel/object.ts';
import type { DecisionWrite } from '@tmc/placement/commit.ts';
import type { GroupSummary, StoredGroup } from '@tmc/placement/load.ts';
import { type GroupRef, LOCATION_INPUT, POLICY_INPUT } from '@tmc/placement/snapshot.ts';
import {
  decisionHistoryKey,
  decisionKey,
  policyGroupKey,
  reservationKey,
  targetFenceKey,
  unsatisfiedKey,
} from './keys.ts';
import type { Write } from './table.ts';

/** Old decisions are kept this long to explain what happened. Chosen freely. */
const HISTORY_TTL_S = 30 * 24 * 3600;

/** The writes of one decision. `core` must be one transaction; reservations may go before it when all do not fit. */
export type DecisionWrites = { readonly reservations: readonly Write[]; readonly core: readonly Write[] };

/** Plans them; items that stay as they are get none. */
export function decisionWrites(write: DecisionWrite, nowS: number): DecisionWrites {
  const { group, previous, needs, fences } = write;
  const { workspace, namespace, policy, version } = group.decision;
  const ref: GroupRef = { workspace, namespace, policy };
  const now: Write = {
    op: 'put',
    key: decisionKey(workspace, namespace, policy),
    data: groupData(group),
    when: previous ? { version: previous.version } : { absent: true },
  };
  const history: Write = {
    op: 'put',
    key: decisionHistoryKey(workspace, namespace, policy, version),
    data: { decision: group.decision } as unknown as JsonObject,
    expiresAtS: nowS + HISTORY_TTL_S,
  };
  const summary: Write = {
    op: 'put',
    key: policyGroupKey(workspace, policy, namespace),
    data: { value: summaryOf(group) } as unknown as JsonObject,
  };
  return {
    reservations: reservationPuts(ref, write),
    core: [now, history, summary, ...waitingWrites(ref, group, previous), ...fenceWrites(fences, needs)],
  };
}

/** The item of a group; `decision` and `published` are what others read. */
export function groupData(group: Omit<StoredGroup, 'version'>): JsonObject {
  const { decision, published, toSync, satisfied, message, leaving, waitsIn, withdrawn } = group;
  const data = { decision, published, toSync, satisfied, message, leaving, withdrawn, ...(waitsIn ? { waitsIn } : {}) };
  return data as unknown as JsonObject;
}

function summaryOf({ decision, satisfied, message, withdrawn }: DecisionWrite['group']): GroupSummary {
  const { namespace, targets, rejected, inputs } = decision;
  const location = Object.keys(inputs).find((name) => name.startsWith(LOCATION_INPUT)) ?? '';
  return {
    namespace,
    satisfied,
    message,
    targets,
    rejected,
    location: location.slice(LOCATION_INPUT.length),
    withdrawn,
  };
}

/** Puts for all targets when the policy may have changed its needs, else for new ones. */
function reservationPuts(group: GroupRef, write: DecisionWrite): Write[] {
  const { previous, needs } = write;
  const before = new Set(keysOf(previous));
  const sameNeeds = canonicalJson(previous?.decision.inputs[POLICY_INPUT]) === canonicalJson(inputOf(write));
  return keysOf(write.group)
    .filter((key) => !(sameNeeds && before.has(key)))
    .map((key) => ({
      op: 'put',
      key: reservationKey(key, groupText(group)),
      data: { group, needs } as unknown as JsonObject,
    }));
}

/** Gives up the reservations on targets the group has left. */
export function reservationDeletes({ decision, leaving }: StoredGroup): Write[] {
  const { workspace, namespace, policy } = decision;
  const group = groupText({ workspace, namespace, policy });
  return leaving.map((key) => ({ op: 'delete', key: reservationKey(key, group) }));
}

function waitingWrites(group: GroupRef, next: DecisionWrite['group'], previous: StoredGroup | undefined): Write[] {
  if (next.waitsIn === previous?.waitsIn) return [];
  const text = groupText(group);
  const writes: Write[] = [];
  if (previous?.waitsIn) writes.push({ op: 'delete', key: unsatisfiedKey(previous.waitsIn, text) });
  if (next.waitsIn) {
    const data = { value: group } as unknown as JsonObject;
    writes.push({ op: 'put', key: unsatisfiedKey(next.waitsIn, text), data });
  }
  return writes;
}

function fenceWrites(fences: DecisionWrite['fences'], needs: DecisionWrite['needs']): Write[] {
  return [...fences].map(([targetKey, version]) => ({
    op: 'put',
    key: targetFenceKey(targetKey),
    data: { needs: { ...needs } },
    when: version === 0 ? { absent: true } : { version },
  }));
}

const inputOf = ({ group }: DecisionWrite): string | undefined => group.decision.inputs[POLICY_INPUT];
const keysOf = (group: Pick<StoredGroup, 'decision'> | undefined): string[] =>
  (group?.decision.targets ?? []).map((target) => target.key);
const groupText = ({ workspace, namespace, policy }: GroupRef): string => [workspace, namespace, policy].join('#');
