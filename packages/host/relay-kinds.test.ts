import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import { targetFactsKey } from '@tmc/adapters/table/keys.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { describe, expect, it } from 'vitest';
import { followTargetKinds, kindsOf } from './relay-kinds.ts';

const names = (resources: readonly { resource: string }[]) => resources.map(({ resource }) => resource);
const ALL = names(SYNCED_RESOURCES);

describe('kinds of a member relay', () => {
  it.each<[string, string[], string[], string[]]>([
    ['nothing is known', [], ALL, []],
    ['some are synced', ['deployments.apps', 'secrets'], ['secrets', 'deployments'], []],
    ['one is not carried', ['deployments.apps', 'jobs.batch'], ['deployments'], ['jobs.batch']],
    ['none is carried: all, so that something is watched', ['jobs.batch'], ALL, ['jobs.batch']],
  ])('%s', (_name, synced, resources, unknown) => {
    const kinds = kindsOf(synced);
    expect([names(kinds.resources), kinds.unknown]).toEqual([resources, unknown]);
  });

  it('follow the facts of the target; while the table is away they stay, and it is told once', async () => {
    const clock = createTestClock(0);
    const memory = createMemoryTable();
    let away = false;
    const table: Table = {
      ...memory,
      get: (key) => (away ? Promise.reject(new Error('table is away')) : memory.get(key)),
    };
    const applied: string[][] = [];
    const said: string[] = [];
    const say = (_fields: object, text: string) => void said.push(text);
    const ended = new AbortController();
    const following = followTargetKinds(
      {
        table,
        targetKey: 't1',
        apply: (resources) => void applied.push(names(resources)),
        log: { debug: say, info: say, warn: say, error: say },
        sleep: clock.sleep,
      },
      ended.signal,
    );
    const syncs = (syncedResources: string[]) =>
      memory.write({ op: 'put', key: targetFactsKey('t1'), data: { value: { syncedResources } } });
    await clock.advance(30_000);
    expect(applied).toEqual([]);
    await syncs(['deployments.apps']);
    await clock.advance(30_000);
    away = true;
    await clock.advance(30_000);
    away = false;
    await syncs(['configmaps', 'jobs.batch']);
    await clock.advance(30_000);
    expect(applied).toEqual([['deployments'], ['configmaps']]);
    expect(said).toEqual([
      'the kinds of the target cannot be read: table is away',
      'the target syncs jobs.batch, which this version does not carry',
    ]);
    ended.abort();
    await following;
  });
});
