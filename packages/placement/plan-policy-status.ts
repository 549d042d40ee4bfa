/** The status of each policy kind, from what became of its groups. */
import type { FieldProblem } from '@tmc/apis/policy.ts';
import { jsonEqual } from '@tmc/kernel/canonical.ts';
import { formatTime } from '@tmc/kernel/clock.ts';
import { setCondition } from '@tmc/kernel/condition.ts';
import type { Condition, Json, JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import { conditionMessage } from './condition-message.ts';
import type { GroupSummary } from './load.ts';

export type PolicyOutcome = {
  readonly groups: readonly GroupSummary[];
  /** Why the object is no usable policy; what was decided before stays. */
  readonly problems: readonly FieldProblem[];
  readonly locationWorkspace: string;
};

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;
type Status = Record<string, unknown> & { conditions?: Condition[] };

/** The merge patch of the status that says what became of the policy, undefined when it says so already. */
export function planPolicyStatus(policyObj: KubeObject, outcome: PolicyOutcome, nowMs: number): JsonObject | undefined {
  const current = (policyObj['status'] ?? {}) as Status;
  const generation = policyObj.metadata.generation ?? 0;
  const fields = policyObj.kind === 'Placement' ? placementFields(outcome) : selectionFields(policyObj, outcome, nowMs);
  let conditions = current.conditions;
  for (const [type, verdict] of Object.entries(verdicts(policyObj.kind, outcome))) {
    const message = conditionMessage(verdict.message);
    conditions = setCondition(conditions, { type, ...verdict, message, observedGeneration: generation }, nowMs);
  }
  const wanted: JsonObject = { ...fields, conditions: (conditions ?? []) as Json, observedGeneration: generation };
  const differs = Object.entries(wanted).some(
    ([name, value]) => !jsonEqual(value ?? null, (current[name] ?? null) as Json),
  );
  return differs ? { status: wanted } : undefined;
}

function verdicts(kind: string, { groups, problems }: PolicyOutcome): Record<string, Verdict> {
  if (problems.length > 0) {
    const message = problems.map((p) => `${p.field}: expected ${p.expected}, received ${p.received}`).join('; ');
    return {
      Ready: { status: 'False', reason: kind === 'Placement' ? 'LocationInvalid' : 'InvalidSelector', message },
    };
  }
  const short = groups.filter((group) => !group.satisfied);
  const ready = short.length > 0 ? shortage(kind, short) : placed(groups);
  return kind === 'Placement' ? { Ready: ready, Scheduled: scheduled(ready, short) } : { Ready: ready };
}

function placed(groups: readonly GroupSummary[]): Verdict {
  if (groups.length === 0) {
    return { status: 'True', reason: 'NoNamespaceSelected', message: 'no namespace is selected yet' };
  }
  const messages = [...new Set(groups.map((group) => group.message))].sort();
  return { status: 'True', reason: 'PlacementSuccess', message: messages.join('; ') };
}

function shortage(kind: string, short: readonly GroupSummary[]): Verdict {
  const [first] = short;
  const message = `namespace ${first?.namespace}: ${first?.message}${short.length > 1 ? `; and ${short.length - 1} more` : ''}`;
  return { status: 'False', reason: kind === 'Placement' ? 'LocationNoMatch' : 'NoTargetsAvailable', message };
}

function scheduled(ready: Verdict, short: readonly GroupSummary[]): Verdict {
  if (short.length === 0) return ready;
  const anyReached = short.some((group) => group.rejected.some((r) => !r.reason.startsWith('in no location')));
  return { ...ready, reason: anyReached ? 'NoValidTarget' : 'ScheduleLocationNotFound' };
}

/** Bound once a namespace has a target; before that nothing is chosen for good. */
function placementFields({ groups, locationWorkspace }: PolicyOutcome): JsonObject {
  const bound = groups.find((group) => group.targets.length > 0);
  if (!bound?.location) return { phase: bound ? 'Bound' : 'Pending', selectedLocation: null };
  return { phase: 'Bound', selectedLocation: { path: locationWorkspace, locationName: bound.location } };
}

type Choice = {
  readonly selected: boolean;
  readonly reason: string;
  readonly score?: number;
  readonly workspace?: string;
};

function selectionFields(policyObj: KubeObject, { groups }: PolicyOutcome, nowMs: number): JsonObject {
  const choices = choicesOf(groups);
  const names = [...choices].filter(([, choice]) => choice.selected).map(([name]) => name);
  const current = (policyObj['status'] ?? {}) as Status;
  const now = formatTime(nowMs);
  if (policyObj.kind === 'WorkloadPlacement') {
    const chosen = [...choices].filter(([, choice]) => choice.selected);
    const decisions = chosen.map(([clusterName, { reason, score = 0 }]) => ({ clusterName, reason, score }));
    const placementDecisions = keepTimes(decisions, {
      before: current['placementDecisions'],
      field: 'decisionTime',
      now,
    });
    return { selectedClusters: names, placementDecisions };
  }
  const selections = [...choices].map(([targetName, choice]) => ({ targetName, ...choice }));
  const before = current['lastPlacementTime'] as string | undefined;
  const moved = !jsonEqual(names, (current['selectedTargets'] ?? []) as Json);
  return {
    selectedTargets: names,
    targetSelections: keepTimes(selections, { before: current['targetSelections'], field: 'lastEvaluationTime', now }),
    ...(moved || before ? { lastPlacementTime: moved ? now : before } : {}),
  };
}

/** Every target by name: chosen when any group chose it, then with the reason of the first that did. */
function choicesOf(groups: readonly GroupSummary[]): ReadonlyMap<string, Choice> {
  const choices = new Map<string, Choice>();
  for (const { rejected } of groups) {
    for (const { name, reason } of rejected) if (!choices.has(name)) choices.set(name, { selected: false, reason });
  }
  for (const { name, reason, score, workspace } of groups.flatMap((group) => group.targets)) {
    if (!choices.get(name)?.selected) choices.set(name, { selected: true, reason, score, workspace });
  }
  return new Map([...choices].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Entries with the time since when they say what they say: that of an equal entry before, else now. */
function keepTimes(
  entries: readonly JsonObject[],
  { before, field, now }: { readonly before: unknown; readonly field: string; readonly now: string },
): Json {
  const known = (Array.isArray(before) ? before : []) as JsonObject[];
  return entries.map((entry) => {
    const same = known.find((old) => jsonEqual({ ...old, [field]: null }, { ...entry, [field]: null }));
    return { ...entry, [field]: same?.[field] ?? now };
  });
}
