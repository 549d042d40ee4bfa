import { formatLocator } from '@tmc/apis/hash.ts';
import { LOCATOR_ANNOTATION, OWNER_LABEL } from '@tmc/apis/names.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import { describe, expect, it } from 'vitest';
import { locatorOf } from './copy-identity.ts';
import { createNamespaces } from './namespace.ts';
import { MemoryServer } from './testing/memory-server.ts';
import { keyOf, NS, targetNamed } from './testing/world.ts';

const east = targetNamed('east', { namespaceMapping: 'Preserve' });
const madeAgain: TargetFacts = { ...east, uid: 'another uid' };
const upstreamKey = keyOf('configmaps', 'c');
const key: ResourceKey = { workspace: east.key, group: '', resource: 'namespaces', namespace: '', name: NS };

function setUp() {
  const server = new MemoryServer({ isMember: true });
  const ensure = (target: TargetFacts) =>
    createNamespaces(() => 0).ensure({ member: server.member, target, upstreamKey });
  const locator = () => server.find(key)?.metadata.annotations?.[LOCATOR_ANNOTATION];
  return { server, ensure, locator };
}

describe('a preserved namespace', () => {
  it('of a SyncTarget that was made again is taken over and stamped anew', async () => {
    const { server, ensure, locator } = setUp();
    await ensure(east);
    const before = server.find(key)!.metadata.uid;
    await ensure(madeAgain);
    expect(locator()).toBe(formatLocator(locatorOf(upstreamKey, madeAgain)));
    expect(server.find(key)!.metadata).toMatchObject({ uid: before, labels: { [OWNER_LABEL]: east.key } });
    server.calls.length = 0;
    await ensure(madeAgain);
    expect(server.calls).toEqual([`get namespaces/${NS}`]);
  });

  it.each<[string, TargetFacts, ResourceKey]>([
    ['another target', targetNamed('west', { namespaceMapping: 'Preserve' }), upstreamKey],
    ['another workspace', east, { ...upstreamKey, workspace: 'ws2' }],
  ])('of %s is refused, untouched, with a hint that can be followed', async (_title, target, upstream) => {
    const { server, ensure, locator } = setUp();
    const annotations = { [LOCATOR_ANNOTATION]: formatLocator(locatorOf(upstream, target)) };
    server.put(key, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NS, annotations } });
    const before = locator();
    const error = await ensure(madeAgain).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'terminal', facts: { type: 'ResourceConflict' } });
    expect((error as { facts: { hint: string } }).facts.hint).toMatch(/rename .* delete /);
    expect((error as { facts: { hint: string } }).facts.hint).not.toContain('namespaceMapping');
    expect(locator()).toBe(before);
  });

  it('that changed between the look and the stamp is a conflict', async () => {
    const { server, ensure } = setUp();
    await ensure(east);
    const member = {
      ...server.member,
      get: async (asked: ResourceKey) => {
        const found = await server.member.get(asked);
        server.edit(key, (obj) => Object.assign(obj.metadata.labels!, { theirs: 'x' }));
        return found;
      },
    };
    const raced = createNamespaces(() => 0).ensure({ member, target: madeAgain, upstreamKey });
    await expect(raced).rejects.toMatchObject({ kind: 'conflict' });
  });
});
