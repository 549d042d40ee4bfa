import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  conditionOf,
  configMap,
  eventually,
  hubKey,
  MEMBERS,
  memberKey,
  placeNamespace,
  startWorld,
  type World,
} from './world.ts';

/** Longer than any deadline, and short enough for the servers to stop with nothing left under way. */
const FOR_EVER_MS = 90_000;
/** So many that they would wait for the hanging member for about 10 s, if each waited. */
const OBJECTS = 100;
/** Of an object that goes elsewhere, also on a busy machine. */
const BESIDE_MS = 6_000;
const names = (prefix: string) => Array.from({ length: OBJECTS }, (_, index) => `${prefix}-${index}`);

let world: World;
let servers: { name: string; kubeconfig: string; server: Kubesim }[];
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tmc-hanging-'));
  servers = await Promise.all(
    ['hub', ...MEMBERS].map(async (name) => {
      const server = await startKubesim({ kind: 'kube' });
      const kubeconfig = join(folder, `${name}.kubeconfig`);
      writeFileSync(kubeconfig, server.kubeconfig());
      return { name, kubeconfig, server };
    }),
  );
  const [hub, ...members] = servers;
  world = await startWorld({ hub: hub!.kubeconfig, members });
  for (const name of MEMBERS) {
    await eventually(`target ${name} is Ready`, async () => {
      const ready = conditionOf(await world.hub.get(hubKey('synctargets', name)), 'Ready');
      return ready?.status === 'True' ? undefined : (ready?.message ?? 'it has no Ready condition');
    });
  }
}, 60_000);

afterAll(async () => {
  await world?.stop();
  await Promise.all((servers ?? []).map(({ server }) => server.close()));
  if (folder) rmSync(folder, { recursive: true, force: true });
}, 60_000);

const create = (name: string, namespace: string) =>
  world.hub.create(hubKey('configmaps', name, namespace), configMap(namespace, name, { a: '1' }));

const copyOf = (member: string, name: string, namespace: string) =>
  world.members[member]!.get(memberKey(member, 'configmaps', name, namespace));

async function arriveInFirst(what: string, wanted: readonly string[], namespace: string): Promise<void> {
  await eventually(what, async () => {
    const copies = await Promise.all(wanted.map((name) => copyOf('member-1', name, namespace)));
    const missing = copies.filter((copy) => copy === undefined).length;
    return missing === 0 ? undefined : `${missing} are missing`;
  });
}

it('a member that answers nothing delays no object that goes elsewhere', async () => {
  await placeNamespace(world, 'both', { locationSelector: { requiredLocations: ['region-1', 'region-2'] } });
  await placeNamespace(world, 'alone', { locationSelector: { requiredLocations: ['region-1'] } });
  for (const namespace of ['both', 'alone']) await create('first', namespace);
  for (const namespace of ['both', 'alone']) await arriveInFirst(`the first of ${namespace}`, ['first'], namespace);
  await eventually('the first in the second member', async () =>
    (await copyOf('member-2', 'first', 'both')) ? undefined : 'it is missing',
  );

  const { faults } = servers.find(({ name }) => name === 'member-2')!.server;
  faults.add({ times: Number.POSITIVE_INFINITY, fault: { kind: 'delay', ms: FOR_EVER_MS } });
  /** Creates objects that the hanging member needs too, and one beside them: how long that took. */
  const burst = async (prefix: string): Promise<number> => {
    await Promise.all(names(prefix).map((name) => create(name, 'both')));
    const startedAt = performance.now();
    await create(prefix, 'alone');
    await arriveInFirst(`${prefix} alone`, [prefix], 'alone');
    return performance.now() - startedAt;
  };
  expect(await burst('one')).toBeLessThan(BESIDE_MS);
  await arriveInFirst('the copies of the first burst', names('one'), 'both');
  await eventually(
    'calls to the hanging member were given up',
    async () => {
      const events = await world.hub.list({ group: '', resource: 'events' }, { workspace: 'acme', namespace: 'both' });
      return events.items.length > 0 ? undefined : 'nobody is told';
    },
    60_000,
  );
  // Messages of the first burst come back all the time now; each may not wait again.
  expect(await burst('two')).toBeLessThan(BESIDE_MS);
  await arriveInFirst('the copies of the second burst', names('two'), 'both');
  faults.clear();
});
