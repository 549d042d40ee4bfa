/** One message of the placement queue: facts → groups it touches → decisions → publishing. */

import { targetKey } from '@tmc/apis/hash.ts';
import { absentByMark, isWhole, type ListMark } from '@tmc/apis/list-marks.ts';
import { CONTROL_RESOURCES } from '@tmc/apis/resources.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { formatGroupResource, formatKey, parseKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import { done, type Outcome, park } from '@tmc/kernel/result.ts';
import type { Facts } from './commit.ts';
import { endTarget, releaseTarget } from './end-target.ts';
import { governs, type NamespaceRef, type Settled, settleNamespace } from './evaluate.ts';
import { type FactsChange, factsKind, policyId, trackFacts } from './facts.ts';
import { loadFleet } from './load.ts';
import { planTargetPatches } from './plan-target.ts';
import { namespaceKey, publish, publishNamespace, publishPolicy, reread, versionOf } from './publish.ts';
import { resumeSync } from './resume-sync.ts';
import { evaluateMessage, type PlaceDeps, type Run, sendAll, startRun } from './run.ts';
import type { GroupRef } from './snapshot.ts';
import { takeBackStall } from './stalled.ts';

export type { PlaceDeps } from './run.ts';

/** A change that touches more namespaces than this is split into a message for each. Chosen freely: well within one timeout. */
const INLINE_NAMESPACES = 16;
/** Stands in a key for all objects of a kind: the relay has listed them. */
const ANY = '*';
/** Longest delay of a queue message (SQS: 15 minutes). */
const MAX_DELAY_MS = 15 * 60_000;

/**
 * The handler of the placement queue. Takes control objects and namespaces, and `evaluate` for any of them.
 * @throws TmcError retry and conflict when the message must come back; nothing is lost then, nothing done twice matters.
 */
export function createPlace(deps: PlaceDeps): (envelope: Envelope, receiveCount: number) => Promise<Outcome> {
  return async (envelope, receiveCount) => {
    const kind = factsKind(envelope.key);
    if (!kind) return unplaced(envelope);
    // Lost sight is not deletion: nothing is decided on it.
    if (envelope.change === 'unseen') return { kind: 'done', note: 'lost sight of it, nothing changes' };
    const run = startRun(deps, envelope, receiveCount);
    if (envelope.key.name === ANY) return sweep(run, kind);
    const change = await trackFacts(run);
    await HANDLERS[kind](run, change);
    await takeBackStall(run, change);
    return done;
  };
}

/** A binding tells which workspaces are served, which no decision depends on; anything else should not be here. */
function unplaced({ key }: Envelope): Outcome {
  if (key.resource === 'apibindings') return { kind: 'done', note: 'no decision depends on bindings' };
  return park(`placement has no use for ${formatGroupResource(key)}`);
}

/**
 * A relay that started without memory has listed a kind: what was deleted before is in no list. Objects with facts that its mark does
 * not hold are looked at again, each by a message of its own; of a relay that sends no marks, all. Nothing is deleted on the mark
 * itself: the read of the hub that follows is the proof, so a mark may be late, doubled or behind the facts. Should a mark speak of
 * one endpoint of the hub only, what another one (kcp shard) holds is looked at for nothing, one read each.
 */
async function sweep(run: Run, kind: Facts['kind']): Promise<Outcome> {
  const { key, list } = run.envelope;
  if (list && !isWhole(list))
    return park(`the list mark of ${formatGroupResource(key)} is not whole: ${tornMark(list)}`);
  const known = await run.deps.store.listTracked(kind);
  const same = known.filter(({ group, resource }) => group === key.group && resource === key.resource);
  const doubtful = list ? absentFrom(list, same) : same;
  await sendAll(
    run,
    doubtful.map((each) => evaluateMessage(run, 'placement', { key: each, uid: '' })),
  );
  return { kind: 'done', note: `${doubtful.length} of ${same.length} objects are looked at again` };
}

const absentFrom = (list: ListMark, known: readonly ResourceKey[]): ResourceKey[] =>
  absentByMark(list, known.map(formatKey)).map(parseKey);

const tornMark = ({ keys, count }: ListMark): string =>
  keys.length === count ? 'its keys are not those that were listed' : `it names ${keys.length} of ${count} keys`;

const HANDLERS: Readonly<Record<Facts['kind'], (run: Run, change: FactsChange) => Promise<void>>> = {
  target: handleTarget,
  location: handleLocation,
  policy: handlePolicy,
  namespace: handleNamespace,
};

async function handleNamespace(run: Run, change: FactsChange): Promise<void> {
  const { workspace, name } = run.envelope.key;
  const ref = { workspace, namespace: name };
  const settled =
    change.changed || run.resumed
      ? await settleNamespace(run, ref, 'all')
      : { ...ref, groups: await run.deps.store.listGroups(workspace, name) };
  const pending = settled.groups.some((group) => !group.published);
  await publish(run, [settled]);
  // Also when nothing was decided: labels and annotations that no decision gives are taken off again.
  if (change.seen && !pending) await publishNamespace(run, settled, change.seen);
}

async function handlePolicy(run: Run, change: FactsChange): Promise<void> {
  const { workspace } = run.envelope.key;
  const policy = policyId(run.envelope.key);
  if (change.changed || run.resumed) {
    const facts = change.after?.kind === 'policy' ? change.after.value : undefined;
    const [namespaces, groups] = await Promise.all([
      facts ? run.deps.store.listNamespaces(workspace) : [],
      run.deps.store.listPolicyGroups(workspace, policy),
    ]);
    const selected = namespaces.filter((namespace) => facts && governs(facts, namespace)).map(({ name }) => name);
    const names = new Set([...selected, ...groups.map(({ namespace }) => namespace)]);
    await settleGroups(
      run,
      [...names].map((namespace) => ({ workspace, namespace, policy })),
    );
  }
  if (change.seen && (change.fresh || run.resumed)) await publishPolicy(run, { workspace, policy });
}

async function handleTarget(run: Run, change: FactsChange): Promise<void> {
  await showTarget(run, change);
  await freeName(run, change);
  // No facts, no copies: nothing to wait for.
  if (!change.after && change.seen?.metadata.deletionTimestamp) await releaseTarget(run);
  if (!change.changed && !run.resumed) return;
  const { workspace, name } = run.envelope.key;
  const after = change.after?.kind === 'target' ? change.after.value : undefined;
  const { held } = await run.deps.store.listReservations(targetKey(workspace, name));
  // Only a target that could be chosen helps a group that waits for one.
  const helps = after?.ready && !after.unschedulable && !after.terminating;
  const waiting = helps ? await run.deps.store.listWaiting(workspace) : [];
  await settleGroups(run, [...held.map(({ group }) => group), ...waiting]);
  if (after?.ready) await resumeSync(run, after);
  if (!after) return;
  if (!after.terminating) return wakeAtEviction(run, after);
  const known = change.before?.kind === 'target' && change.before.value.terminating === true;
  // A first try that failed half-way has stored the facts already; whether it sent its look, nobody knows.
  const isRepeated = run.resumed && run.envelope.change === 'upsert';
  await endTarget(run, after, { isNews: !known || isRepeated });
}

async function handleLocation(run: Run, change: FactsChange): Promise<void> {
  if (!change.changed && !run.resumed) return;
  const { workspace } = run.envelope.key;
  const { targets } = await loadFleet(run.deps.store, workspace);
  const reservations = await Promise.all(targets.map((target) => run.deps.store.listReservations(target.key)));
  const held = reservations.flatMap((reservation) => reservation.held.map(({ group }) => group));
  await settleGroups(run, [...held, ...(await run.deps.store.listWaiting(workspace))]);
}

/** Decides these groups and publishes; many namespaces are handed on as a message each. */
async function settleGroups(run: Run, groups: readonly GroupRef[]): Promise<void> {
  const namespaces = new Map<string, { ref: NamespaceRef; policies: Set<string> }>();
  for (const { workspace, namespace, policy } of groups) {
    const text = `${workspace}#${namespace}`;
    const entry = namespaces.get(text) ?? { ref: { workspace, namespace }, policies: new Set() };
    entry.policies.add(policy);
    namespaces.set(text, entry);
  }
  if (namespaces.size > INLINE_NAMESPACES) {
    const keys = [...namespaces.values()].map(({ ref }) => namespaceKey(ref.workspace, ref.namespace));
    await sendAll(
      run,
      keys.map((key) => evaluateMessage(run, 'placement', { key, uid: '' })),
    );
    return;
  }
  const settled: Settled[] = [];
  for (const { ref, policies } of namespaces.values()) settled.push(await settleNamespace(run, ref, policies));
  await publish(run, settled);
}

/** A target that is gone leaves its name to an object of the other kind, which was refused until now. */
async function freeName(run: Run, { seen, changed }: FactsChange): Promise<void> {
  const { key, change } = run.envelope;
  if (seen || !(changed || change === 'delete')) return;
  const others = CONTROL_RESOURCES.map(({ group, resource }) => ({ ...key, group, resource })).filter(
    (other) => factsKind(other) === 'target' && other.resource !== key.resource,
  );
  await sendAll(
    run,
    others.map((other) => evaluateMessage(run, 'placement', { key: other, uid: '' })),
  );
}

/** Key label, synced resources and the condition about its spec. */
async function showTarget(run: Run, { seen, fresh, problems }: FactsChange): Promise<void> {
  const { key } = run.envelope;
  if (!seen) return;
  const facts = { workspace: key.workspace, problems, nowMs: run.nowMs };
  if (Object.keys(planTargetPatches(seen, facts)).length === 0) return;
  let known = fresh ? seen : undefined;
  await reread(async () => {
    let live = known ?? (await run.deps.hub.get(key));
    known = undefined;
    if (!live) return;
    const { metadata, status } = planTargetPatches(live, facts);
    if (metadata) live = await run.deps.hub.patch(key, metadata, versionOf(live));
    if (status) await run.deps.hub.patch(key, status, { ...versionOf(live), subresource: 'status' });
  });
}

/** Eviction begins at an instant at which nothing happens in the hub: a delayed message looks again then. */
async function wakeAtEviction(run: Run, facts: TargetFacts): Promise<void> {
  const waitMs = (facts.evictAfterMs ?? run.nowMs) - run.nowMs;
  if (waitMs <= 0) return;
  const delayMs = Math.min(waitMs, MAX_DELAY_MS);
  await sendAll(run, [evaluateMessage(run, 'placement', { key: run.envelope.key, uid: facts.uid, delayMs })]);
}
