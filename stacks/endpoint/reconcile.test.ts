import { describe, expect, it } from 'vitest';
import { fakeEndpoint } from './fake-endpoint.ts';
import { type Change, Reconciler, type ResourceArgs } from './reconcile.ts';
import { DeploymentRecord } from './record.ts';

type Fake = ReturnType<typeof fakeEndpoint>;
const OF = { app: 'tmc', stage: 'dev', run: 'one' };

const thing = (name: string, size = 1, more: Record<string, unknown> = {}): ResourceArgs => ({
  type: 'fake:thing',
  name,
  inputs: { size, ...more },
});
const shared = (name: string, size = 1): ResourceArgs => ({ type: 'fake:shared', name, inputs: { size } });
const extra = (name: string): ResourceArgs => ({ type: 'fake:extra', name, inputs: { size: 1 } });

async function reconciler({ kinds, store }: Fake, isDry = false): Promise<Reconciler> {
  const record = await DeploymentRecord.load(store, OF);
  return new Reconciler({ kinds, record, isDry, onChange: () => undefined });
}

/** One run of a program that asks for these, one after the other. */
async function deploy(fake: Fake, program: readonly ResourceArgs[], isDry = false): Promise<string[]> {
  const run = await reconciler(fake, isDry);
  try {
    for (const one of program) await run.resource(one);
    await run.finish();
  } catch (error) {
    await run.comeToRest();
    throw error;
  }
  return run.changes.map(told);
}

async function remove(fake: Fake, isDry = false): Promise<string[]> {
  const run = await reconciler(fake, isDry);
  await run.removeEverything();
  return run.changes.map(told);
}

const told = ({ action, name, fields, note }: Change): string =>
  [action, name, ...fields, note].filter((part) => part !== undefined).join(' ');

describe('deploying', () => {
  it('creates, then finds nothing to do, then updates in place and removes what is gone', async () => {
    const fake = fakeEndpoint();
    expect(await deploy(fake, [thing('a'), thing('b'), extra('c')])).toEqual(['create a', 'create b', 'create c']);
    fake.calls.length = 0;
    expect(await deploy(fake, [thing('a'), thing('b'), extra('c')])).toEqual(['none a', 'none b', 'none c']);
    expect(fake.calls).toEqual([]);
    expect(await deploy(fake, [thing('a', 2)])).toEqual(['update a size', 'delete c', 'delete b']);
    expect([...fake.world]).toEqual([['a', { size: 2, shape: 'round' }]]);
  });

  it('makes again what was deleted by hand, and puts back what was changed by hand', async () => {
    const fake = fakeEndpoint();
    await deploy(fake, [thing('a'), thing('b')]);
    fake.world.delete('a');
    fake.world.set('b', { size: 9, shape: 'round' });
    expect(await deploy(fake, [thing('a'), thing('b')])).toEqual(['create a', 'update b size']);
    expect(await deploy(fake, [thing('a'), thing('b')])).toEqual(['none a', 'none b']);
  });

  it('gives back what only the endpoint knows, and the name', async () => {
    const run = await reconciler(fakeEndpoint());
    expect(await run.resource(thing('a'))).toEqual({
      id: 'a',
      state: { id: 'a', size: 1, shape: 'round', at: 'at a' },
    });
  });

  it('changes nothing when it only plans', async () => {
    const fake = fakeEndpoint();
    expect(await deploy(fake, [thing('a')], true)).toEqual(['create a']);
    expect([fake.calls, fake.hasRecord()]).toEqual([[], false]);
    await deploy(fake, [thing('a'), thing('b')]);
    fake.calls.length = 0;
    expect(await deploy(fake, [thing('a', 2)], true)).toEqual(['update a size', 'delete b']);
    expect(await remove(fake, true)).toEqual(['delete b', 'delete a']);
    expect([fake.calls, fake.world.size, fake.hasRecord()]).toEqual([[], 2, true]);
  });

  it('makes many at once without losing one', async () => {
    const fake = fakeEndpoint();
    const program = Array.from({ length: 60 }, (_, index) => thing(`t${index}`));
    const run = await reconciler(fake);
    await Promise.all(program.map((one) => run.resource(one)));
    await run.finish();
    expect(fake.world.size).toBe(60);
    expect((await deploy(fake, program)).every((line) => line.startsWith('none'))).toBe(true);
  });
});

describe('what cannot be done', () => {
  it('leaves out what the endpoint does not offer and the system works without', async () => {
    const fake = fakeEndpoint({ hasExtras: false });
    const line = 'none b not offered by this endpoint: it is dull without';
    expect(await deploy(fake, [thing('a'), extra('b')])).toEqual(['create a', line]);
    expect(await deploy(fake, [thing('a'), extra('b')])).toEqual(['none a', line]);
    expect(await remove(fake)).toEqual(['delete a']);
  });

  it('refuses to take over what it did not make', async () => {
    const fake = fakeEndpoint();
    fake.world.set('a', { size: 1, shape: 'round' });
    await expect(deploy(fake, [thing('a')])).rejects.toThrow(
      'the thing "a" (name a) exists already and was not made by this deployment. Remove it, or choose another --app or --stage',
    );
    expect(await remove(fake)).toEqual([]);
    expect(fake.world.has('a')).toBe(true);
  });

  it('refuses to make anew what holds data, and makes anew what does not', async () => {
    const fake = fakeEndpoint();
    await deploy(fake, [thing('a'), extra('b')]);
    await expect(deploy(fake, [thing('a', 1, { shape: 'flat' })])).rejects.toThrow(
      'the thing "a" (name a) would have to change its shape, which only a new one can, and it holds data',
    );
    const flat = { ...extra('b'), inputs: { size: 1, shape: 'flat' } };
    fake.calls.length = 0;
    expect(await deploy(fake, [thing('a'), flat])).toEqual(['none a', 'update b shape made anew']);
    expect(fake.calls).toEqual(['remove b', 'create b']);
  });

  it.each([
    [
      { type: 'aws:kinesis/stream:Stream', name: 'S', inputs: {} },
      'cannot deploy "S": a deployment to an endpoint does not know the type aws:kinesis/stream:Stream',
    ],
    [thing('a', 1, { colour: 'red' }), /cannot plan the thing "a": .*Unrecognized key: "colour"/],
  ])('names the resource it does not understand', async (one, message) => {
    await expect(deploy(fakeEndpoint(), [one])).rejects.toThrow(message);
  });

  it('begins nothing more after a failure, which it keeps as the reason', async () => {
    const fake = fakeEndpoint();
    const run = await reconciler(fake);
    fake.killAfter(1);
    await expect(run.resource(thing('a'))).rejects.toThrow(
      'cannot create the thing "a" (name a): the process was killed',
    );
    fake.killAfter(99);
    await expect(run.resource(thing('b'))).rejects.toThrow('"a"');
    expect(run.failure?.message).toContain('"a"');
    expect(fake.world.size).toBe(0);
  });
});

describe('a run that is cut', () => {
  const program = [thing('a'), thing('b'), extra('c')];
  /** Each resource: a record, a call, a record. */
  const CUTS = Array.from({ length: 9 }, (_, calls) => calls);

  it.each(CUTS)('after %i calls is removed without leftovers', async (calls) => {
    const fake = fakeEndpoint();
    fake.world.set('foreign', { size: 1, shape: 'round' });
    fake.killAfter(calls);
    await deploy(fake, program).catch(() => undefined);
    fake.killAfter(99);
    await remove(fake);
    expect([[...fake.world.keys()], fake.hasRecord()]).toEqual([['foreign'], false]);
  });

  it.each(CUTS)('after %i calls is continued', async (calls) => {
    const fake = fakeEndpoint();
    fake.killAfter(calls);
    await deploy(fake, program).catch(() => undefined);
    fake.killAfter(99);
    await deploy(fake, program);
    expect([...fake.world.keys()].sort()).toEqual(['a', 'b', 'c']);
    expect(await deploy(fake, program)).toEqual(['none a', 'none b', 'none c']);
  });

  it.each(CUTS)('while it removes, after %i calls, is removed by the next', async (calls) => {
    const fake = fakeEndpoint();
    await deploy(fake, program);
    fake.killAfter(calls);
    await remove(fake).catch(() => undefined);
    fake.killAfter(99);
    await remove(fake);
    expect([fake.world.size, fake.hasRecord()]).toEqual([0, false]);
  });
});

describe('what may be there before', () => {
  const STAYS = 'none a it was there before this deployment, so it stays';

  it('stays at removal, and when the program has it no more, whatever was set on it', async () => {
    const fake = fakeEndpoint();
    fake.world.set('a', { size: 9, shape: 'round' });
    expect(await deploy(fake, [shared('a'), shared('b')])).toEqual(['create a', 'create b']);
    await deploy(fake, [shared('a', 2), shared('b', 2)]);
    expect(await remove(fake, true)).toEqual(['delete b', STAYS]);
    expect(await remove(fake)).toEqual(['delete b', STAYS]);
    expect([[...fake.world.keys()], fake.hasRecord()]).toEqual([['a'], false]);
    await deploy(fake, [shared('a')]);
    expect(await deploy(fake, [])).toEqual([STAYS]);
  });

  it('stays also when the run that found it was cut', async () => {
    const fake = fakeEndpoint();
    fake.world.set('a', { size: 9, shape: 'round' });
    fake.killAfter(1);
    await deploy(fake, [shared('a')]).catch(() => undefined);
    fake.killAfter(99);
    await deploy(fake, [shared('a')]);
    expect(await remove(fake)).toEqual([STAYS]);
    expect(fake.world.has('a')).toBe(true);
  });

  it('goes when the deployment made it, also if it was cut, or had to make it again', async () => {
    const fake = fakeEndpoint();
    fake.killAfter(2);
    await deploy(fake, [shared('a')]).catch(() => undefined);
    fake.killAfter(99);
    await deploy(fake, [shared('a')]);
    expect(await remove(fake)).toEqual(['delete a']);
    fake.world.set('b', { size: 9, shape: 'round' });
    await deploy(fake, [shared('b')]);
    fake.world.delete('b');
    expect(await deploy(fake, [shared('b')])).toEqual(['create b']);
    expect(await remove(fake)).toEqual(['delete b']);
    expect(fake.world.size).toBe(0);
  });
});

describe('two runs at the same time', () => {
  it('removes nothing before the record is its own, in either way of removing', async () => {
    const fake = fakeEndpoint();
    await deploy(fake, [thing('a'), thing('b')]);
    fake.takeRecord();
    fake.calls.length = 0;
    await expect(remove(fake)).rejects.toThrow('another run wrote the record');
    await expect(deploy(fake, [thing('a')])).rejects.toThrow('another run wrote the record');
    expect([fake.calls, [...fake.world.keys()]]).toEqual([[], ['a', 'b']]);
  });

  it('says of what the system works without, too, that another run has the record', async () => {
    const fake = fakeEndpoint();
    fake.takeRecord();
    await expect(deploy(fake, [extra('a')])).rejects.toThrow('another run wrote the record');
  });

  it('changes the record before it removes, so that the other one fails at its next write', async () => {
    const fake = fakeEndpoint();
    await deploy(fake, [thing('a')]);
    const before = fake.record();
    fake.killAfter(1);
    await expect(remove(fake)).rejects.toThrow('the process was killed');
    expect(fake.world.has('a')).toBe(true);
    expect(fake.record()).not.toBe(before);
  });

  it('removes once more, at the end, what the other one may have been making', async () => {
    const fake = fakeEndpoint();
    fake.killAfter(1);
    await deploy(fake, [thing('a')]).catch(() => undefined);
    fake.killAfter(99);
    await remove(fake);
    expect(fake.calls).toEqual(['remove a', 'remove a']);
  });
});
