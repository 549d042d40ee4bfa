import { readFileSync, writeFileSync } from 'node:fs';
import { SOURCE_VERSION_ANNOTATION } from '@tmc/apis/names.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  configMap,
  eventually,
  everywhere,
  key,
  namespace,
  type SimulatedFleet,
  spawnHost,
  startSimulatedFleet,
  syncTarget,
} from './fleet.ts';

/** What happened while no host ran is found by the next one. The tests are stages of one story, so their order stays. */
describe('a host that starts again', { shuffle: false }, () => {
  let fleet: SimulatedFleet;
  let host: ReturnType<typeof spawnHost>;

  beforeAll(async () => {
    fleet = await startSimulatedFleet(['west']);
  });

  afterAll(async () => {
    host?.child.kill('SIGKILL');
    await fleet?.close();
  });

  const copyKey = key('configmaps', 'settings', 'shop');
  const copyUid = async () => (await fleet.members['west']?.get(copyKey))?.metadata.uid;

  it('brings back a copy that was deleted in a member meanwhile, though nothing in the hub changed', async () => {
    host = spawnHost(fleet.configPath);
    await eventually('the host installs the kinds', 20_000, async () => {
      await fleet.hub.create(key('synctargets', 'west'), syncTarget('west'));
      return undefined;
    });
    await fleet.hub.create(key('clusterworkloadplacements', 'everywhere'), everywhere(1));
    await fleet.hub.create(key('namespaces', 'shop'), namespace('shop'));
    await fleet.hub.create(copyKey, configMap('shop', 'settings', { colour: 'blue' }));
    await eventually('the copy arrives', 20_000, async () => ((await copyUid()) ? undefined : host.output()));
    host.child.kill('SIGTERM');
    expect(await host.exited, host.output()).toBe(0);
    const before = await copyUid();

    await fleet.members['west']?.delete(copyKey);
    expect(await copyUid()).toBeUndefined();
    host = spawnHost(fleet.configPath);
    await eventually('the copy is back', 20_000, async () => ((await copyUid()) ? undefined : host.output()));
    expect(await copyUid()).not.toBe(before);
  });

  it('with a raised epoch of the hub, counts every copy as older than what the hub says', async () => {
    const version = async () =>
      (await fleet.members['west']?.get(copyKey))?.metadata.annotations?.[SOURCE_VERSION_ANNOTATION];
    await eventually('the copy tells its version', 20_000, async () =>
      (await version())?.startsWith('0/') ? undefined : `it is ${await version()}`,
    );
    host.child.kill('SIGTERM');
    expect(await host.exited, host.output()).toBe(0);
    const config = readFileSync(fleet.configPath, 'utf8');
    writeFileSync(fleet.configPath, config.replace('hub: {', 'hub: { epoch: 3,'));
    host = spawnHost(fleet.configPath);
    await eventually('the copy is carried again', 20_000, async () => {
      const now = await version();
      return now?.startsWith('3/') ? undefined : `its source version is ${now}`;
    });
  });
});
