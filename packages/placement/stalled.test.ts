import type { Condition } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { createPlace } from './handle.ts';
import { reportStalled } from './stalled.ts';
import { createWorld, demo, keyOf, policySpec, type World } from './world.model.ts';

const CLOCK = () => Date.UTC(2026, 0, 1);
const REASON = 'given up after 5 attempts: the table is throttled';
const MULTI = ['clusterworkloadplacements', 'multi'] as const;
const WEST = ['synctargets', 'west'] as const;

type Which = readonly [resource: string, name: string];
const CASES: readonly { readonly which: Which }[] = [{ which: MULTI }, { which: WEST }];

/** The demo, its message about one object given up; `message` is that message. */
async function stalledWorld([resource, name]: Which) {
  const world = createWorld();
  await demo(world);
  const key = keyOf(resource, name);
  const message = world.envelopeOf(key, await world.object(resource, name), 'upsert');
  await reportStalled({ hub: world.hub, clock: CLOCK }, message, REASON);
  return { world, message };
}

async function stallOf(world: World, [resource, name]: Which): Promise<Condition | undefined> {
  const { conditions } = (await world.object(resource, name))['status'] as { conditions: Condition[] };
  return conditions.find(({ type }) => type === 'workload.kcp.io/Stalled');
}

describe('a message of placement that is given up', () => {
  it.each(CASES)('shows on $which, beside its other conditions, once', async ({ which }) => {
    const { world, message } = await stalledWorld(which);
    expect(await stallOf(world, which)).toMatchObject({ status: 'True', reason: 'GivenUp', message: REASON });
    const { conditions } = (await world.object(...which))['status'] as { conditions: Condition[] };
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'Ready' }));
    const writes = world.hub.writes.length;
    await reportStalled({ hub: world.hub, clock: CLOCK }, message, REASON);
    expect(world.hub.writes).toHaveLength(writes);
  });

  it.each(CASES)('is taken back from $which by the next change that is handled', async ({ which }) => {
    const { world } = await stalledWorld(which);
    await world.deliver(keyOf(...which));
    expect(await stallOf(world, which)).toMatchObject({ status: 'False', reason: 'Handled', message: '' });
  });

  it('is taken back when it is sent again, though what it tells is from before', async () => {
    const { world, message } = await stalledWorld(MULTI);
    world.advance(10 * 60_000);
    await world.handle(message, 1);
    expect(await stallOf(world, MULTI)).toMatchObject({ status: 'False' });
    const writes = world.hub.writes.length;
    await world.handle(message, 1);
    expect(world.hub.writes).toHaveLength(writes);
  });

  it('stays while what follows fails', async () => {
    const { world, message } = await stalledWorld(MULTI);
    const hub = { ...world.hub, patch: () => Promise.reject(new Error('the hub is away')) };
    const send = async () => ({ failed: [] });
    const handle = createPlace({ hub, store: world.store, send, clock: CLOCK, ids: () => 'id' });
    world.hub.put(keyOf(...MULTI), { ...(await world.object(...MULTI)), ...policySpec('us-east-1') });
    await expect(handle({ ...message, change: 'evaluate' }, 1)).rejects.toThrow('the hub is away');
    expect(await stallOf(world, MULTI)).toMatchObject({ status: 'True' });
  });

  it('says nothing of what has no conditions of placement, is gone, or was made anew', async () => {
    const world = createWorld();
    await demo(world);
    const writes = world.hub.writes.length;
    const policy = { ...(await world.object(...MULTI)) };
    const other = { ...policy, metadata: { ...policy.metadata, uid: 'an-earlier-one' } };
    const messages = [
      world.envelopeOf(keyOf('namespaces', 'demo'), undefined, 'evaluate'),
      world.envelopeOf(keyOf('clusterworkloadplacements', '*'), undefined, 'upsert'),
      world.envelopeOf(keyOf('clusterworkloadplacements', 'nowhere'), undefined, 'delete'),
      world.envelopeOf(keyOf(...MULTI), other, 'upsert'),
    ];
    for (const message of messages) await reportStalled({ hub: world.hub, clock: CLOCK }, message, REASON);
    expect(world.hub.writes).toHaveLength(writes);
  });

  it('of a policy is told by the decision that follows too: both conditions stand side by side', async () => {
    const { world } = await stalledWorld(MULTI);
    await world.apply(...MULTI, policySpec('us-east-1'));
    expect(await stallOf(world, MULTI)).toMatchObject({ status: 'False' });
    const { conditions } = (await world.object(...MULTI))['status'] as { conditions: Condition[] };
    expect(conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True' });
  });
});
