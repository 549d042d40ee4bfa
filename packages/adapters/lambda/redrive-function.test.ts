import type { Context } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { createMemoryQueue } from '../memory/queue.ts';
import type { Queue } from '../queue/queue.ts';
import { redriveFunction } from './redrive-function.ts';

const START = Date.UTC(2026, 0, 1);
const context = { getRemainingTimeInMillis: () => 10_000 } as Context;
const key = { workspace: 'shop', group: '', resource: 'configmaps', namespace: 'ns', name: 'a' };
const envelope = {
  v: 1,
  id: 'm',
  at: START,
  source: { kind: 'hub', id: 'hub', relay: 'r', epoch: 0 },
  key,
  uid: 'u',
  rv: '1',
  change: 'upsert',
  body: { metadata: { name: 'a' }, data: { password: 'hunter2' } },
};

/** Four queues, `sync` with these messages parked. */
async function world(bodies: string[]) {
  let id = 0;
  const make = (name: string) => createMemoryQueue({ name, clock: () => START, ids: () => `id-${++id}` });
  const queues = {
    placement: make('placement'),
    sync: make('sync'),
    status: make('status'),
    recovery: make('recovery'),
  };
  const { signal } = new AbortController();
  const receive = () => queues.sync.receive({ max: 10, visibilityMs: 60_000, waitMs: 0, signal });
  if (bodies.length > 0) await queues.sync.send(bodies.map((body) => ({ body, group: 'shop' })));
  for (const message of await receive()) await queues.sync.park(message, 'no right to write');
  const logged: unknown[] = [];
  const note = (...given: unknown[]) => void logged.push(given);
  const log = { debug: note, info: note, warn: note, error: note };
  const invoke = redriveFunction({ queues, log });
  return { ask: (event: unknown) => invoke(event, context), receive, logged };
}

describe('redrive', () => {
  it('lists dead letters with reason and key, without what is in them', async () => {
    const { ask } = await world([JSON.stringify(envelope), 'no envelope']);
    const answer = await ask({ queue: 'sync', list: true });
    const common = { group: 'shop', reason: 'no right to write', receiveCount: 1, sentAt: '2026-01-01T00:00:00.000Z' };
    expect(answer).toEqual({
      dead: [
        { id: 'id-1', ...common, key: 'shop|/configmaps|ns/a' },
        { id: 'id-2', ...common },
      ],
    });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
    expect(await ask({ queue: 'sync', list: true, limit: 1 })).toMatchObject({ dead: [{ id: 'id-1' }] });
    expect(await ask({ queue: 'status', list: true })).toEqual({ dead: [] });
  });

  it.each([
    ['all', {}, 3, 3],
    ['no more than there are', { limit: 4 }, 3, 3],
    ['those of these ids', { ids: ['id-2', 'unknown'] }, 1, 1],
  ])('sends %s again', async (_, which, redriven, received) => {
    const { ask, receive, logged } = await world(['a', 'b', 'c']);
    expect(await ask({ queue: 'sync', ...which })).toEqual({ redriven });
    expect(await receive()).toHaveLength(received);
    expect(logged).toEqual([[{ queue: 'sync', redriven, outcome: 'done' }, 'dead letters sent again']]);
  });

  it('sends so many, or those it has time for, and says that there are more', async () => {
    const { ask, receive, logged } = await world(['a', 'b', 'c']);
    const told = { redriven: 2, left: true };
    expect(await ask({ queue: 'sync', limit: 2 })).toEqual(told);
    expect(await receive()).toHaveLength(2);
    expect(logged).toEqual([[{ queue: 'sync', ...told, outcome: 'done' }, 'dead letters sent again']]);
  });

  it('stops reading dead letters five seconds before its time-out', async () => {
    const endless: Pick<Queue, 'listDead' | 'redrive'> = {
      listDead: async () => [],
      redrive: ({ signal } = {}) =>
        new Promise((settle) => signal?.addEventListener('abort', () => settle({ count: 7, left: true }))),
    };
    const quiet = () => undefined;
    const invoke = redriveFunction({
      queues: { placement: endless, sync: endless, status: endless, recovery: endless },
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    });
    const answer = await invoke({ queue: 'sync' }, { getRemainingTimeInMillis: () => 5_020 } as Context);
    expect(answer).toEqual({ redriven: 7, left: true });
  });

  it('sends nothing when there is nothing, whatever the limit', async () => {
    const { ask } = await world([]);
    expect(await ask({ queue: 'sync', limit: 5 })).toEqual({ redriven: 0 });
  });

  it.each([
    ['nothing', null, /: expected object/],
    [
      'a queue that is none',
      { queue: 'other' },
      /queue: expected "placement" or "sync" or "status" or "recovery", received "other"/,
    ],
    ['an unknown setting', { queue: 'sync', all: true }, /all: expected no such setting/],
    ['list turned off', { queue: 'sync', list: false }, /list: expected true/],
    ['ids with a limit', { queue: 'sync', ids: ['a'], limit: 1 }, /ids: expected ids alone/],
    ['a limit that is none', { queue: 'sync', limit: 0 }, /limit: expected at least 1/],
  ])('refuses a request of %s', async (_, event, reason) => {
    const { ask } = await world([]);
    await expect(ask(event)).rejects.toThrow(reason);
  });
});
