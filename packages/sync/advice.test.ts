import { specDiffAnnotation } from '@tmc/apis/names.ts';
import { conflictError } from '@tmc/kernel/errors.ts';
import { describe, expect, it } from 'vitest';
import { decide, deploymentOf, keyOf, targetNamed, World } from './testing/world.ts';

const east = targetNamed('east');
const web = keyOf('deployments', 'web');
const annotation = specDiffAnnotation(east.key);

function placedWorld(): World {
  const world = new World({ targets: [east] });
  world.place(decide([east]));
  return world;
}

const told = (world: World): string =>
  world.hub
    .all()
    .filter(({ key }) => key.resource === 'events')
    .map(({ obj }) => String(obj['message']))
    .join('\n');

describe('what a user is told', () => {
  it.each(['no JSON', '{}', '[{"op":"replace","path":"/nowhere/at/all","value":1}]'])(
    'of a spec diff that cannot be applied (%s): its annotation, and what it may hold',
    async (diff) => {
      const world = placedWorld();
      const upstreamObj = deploymentOf('web');
      world.hub.put(web, {
        ...upstreamObj,
        metadata: { ...upstreamObj.metadata, annotations: { [annotation]: diff } },
      });
      await world.settle();
      expect(told(world)).toContain(annotation);
      expect(told(world)).toMatch(/make the annotation a JSON array of patch operations .*, or remove it/);
      expect(world.copies(east)).toEqual([]);
    },
  );

  it('of a copy that somebody else keeps changing: where, and how to find out who', async () => {
    const world = placedWorld();
    const member = world.deps.member(east.key)!;
    const { apply } = member;
    member.apply = (key, ...what) =>
      key.resource === 'namespaces' ? apply(key, ...what) : Promise.reject(conflictError('changed'));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    expect(told(world)).toMatch(/target east: .*it keeps changing; find in its managedFields who else writes it/);
  });

  it('of an object that changes in the hub faster than it is carried: how to find out who', async () => {
    const world = placedWorld();
    world.deps.hub.patch = () => Promise.reject(conflictError('the object has been modified'));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    const reasons = world.outcomes.flatMap((outcome) => (outcome.kind === 'again' ? [outcome.reason] : []));
    expect(reasons[0]).toMatch(/has been modified; tried again; .* managedFields who keeps writing it in the hub/);
  });
});
