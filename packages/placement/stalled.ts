/** Telling users that a message about their policy or target was given up, and taking it back. */
import { isStalled, withoutStall, withStall } from '@tmc/apis/stalled.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { Condition, JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import { conditionMessage } from './condition-message.ts';
import { type FactsChange, factsKind } from './facts.ts';
import { reread, versionOf } from './publish.ts';
import type { PlaceDeps, Run } from './run.ts';

type Conditions = readonly Condition[] | undefined;

/** The state in an older message may be from before its first try was given up. Chosen freely: a first try lasts longer. */
const OLD_MS = 60_000;

/**
 * Sets condition `workload.kcp.io/Stalled` on the policy or target a message was about; other kinds carry no conditions of placement.
 * The next message about it that succeeds takes it back. @throws TmcError when the hub does not take it.
 */
export async function reportStalled(
  { hub, clock }: Pick<PlaceDeps, 'hub' | 'clock'>,
  { key, uid }: Envelope,
  reason: string,
): Promise<void> {
  if (!hasConditions(key)) return;
  const message = conditionMessage(reason);
  await changeConditions(hub, { key, uid }, (before) => withStall(before, message, clock()));
}

/** Takes a stall back after a message about the object was handled; costs no call when none is seen, but for an old message one. */
export async function takeBackStall({ deps, envelope, nowMs }: Run, { seen, fresh }: FactsChange): Promise<void> {
  const { key, uid, at } = envelope;
  if (!seen || !hasConditions(key)) return;
  const isKnown = fresh || nowMs - at < OLD_MS;
  if (isKnown && !isStalled(conditionsOf(seen))) return;
  await changeConditions(deps.hub, { key, uid }, (before) => withoutStall(before, 'Handled', nowMs));
}

/** Kinds whose status placement writes anyway. A list mark is about no single object. */
const hasConditions = (key: ResourceKey): boolean =>
  key.name !== '*' && ['policy', 'target'].includes(factsKind(key) ?? '');

const conditionsOf = (object: KubeObject): Conditions =>
  (object['status'] as { conditions?: readonly Condition[] } | undefined)?.conditions;

async function changeConditions(
  hub: PlaceDeps['hub'],
  { key, uid }: Pick<Envelope, 'key' | 'uid'>,
  plan: (before: Conditions) => Conditions,
): Promise<void> {
  await reread(async () => {
    const live = await hub.get(key);
    // Gone, or another one of the same name, which has messages of its own.
    if (!live || (uid && uid !== live.metadata.uid)) return;
    const before = conditionsOf(live);
    const conditions = plan(before);
    if (conditions === before) return;
    const patch = { status: { conditions } } as unknown as JsonObject;
    await hub.patch(key, patch, { ...versionOf(live), subresource: 'status' });
  });
}
