import { createMemoryQueue } from '@tmc/adapters/memory/queue.ts';
import type { Queue } from '@tmc/adapters/queue/queue.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { redrive } from './redrive.ts';

const NOW_MS = 1_700_000_000_000;
const { signal } = new AbortController();
const envelope = (name: string) =>
  JSON.stringify({
    v: 1,
    id: name,
    at: NOW_MS,
    source: { kind: 'hub', id: 'shop', relay: 'hub', epoch: 0 },
    key: { workspace: 'shop', group: 'apps', resource: 'deployments', namespace: 'default', name },
    uid: 'u',
    rv: '1',
    change: 'upsert',
    body: { metadata: { name, annotations: { note: 'SECRET9' } } },
  });

let nowMs = NOW_MS;
let queue: Queue;
let said = '';
const ports = {
  now: () => nowMs,
  write: (text: string) => {
    said += text;
  },
};

beforeEach(async () => {
  [nowMs, said] = [NOW_MS, ''];
  const ids = ['m1', 'm2', 'm3', 'm4', 'm5'];
  queue = createMemoryQueue({ name: 'sync', clock: () => nowMs, ids: () => ids.shift() ?? 'none' });
  await queue.send([envelope('web'), 'no envelope'].map((body) => ({ body, group: 'shop' })));
  for (const message of await queue.receive({ max: 10, visibilityMs: 1_000, waitMs: 0, signal })) {
    await queue.park(message, `refused ${message.id}`);
  }
  nowMs += 600_000;
});

const run = (options: { id?: string[]; list?: boolean; json?: boolean }) =>
  redrive('sync', queue, { list: false, json: false, ...options }, ports);
const waiting = async () => (await queue.depth()).visible;

describe('redriving', () => {
  it('lists key, receives, age and reason, no body, and leaves everything where it is', async () => {
    expect(await run({ list: true })).toBe(0);
    expect(said).toBe(`sync: 2 dead letter(s)
m1  upsert shop|apps/deployments|default/web
  1 receive(s), 10 min old: refused m1
m2  a message that cannot be read
  1 receive(s), 10 min old: refused m2
`);
    expect(await queue.depth()).toMatchObject({ visible: 0, dead: 2 });
  });

  it('lists for programs, those that are named', async () => {
    await run({ list: true, json: true, id: ['m1'] });
    const key = 'shop|apps/deployments|default/web';
    const letter = { id: 'm1', key, change: 'upsert', reason: 'refused m1', receives: 1, ageS: 600 };
    expect(JSON.parse(said)).toEqual({ queue: 'sync', deadLetters: [letter] });
    expect(said).not.toContain('SECRET9');
  });

  it('sends all again, once', async () => {
    expect(await run({})).toBe(0);
    expect(said).toBe('sync: 2 dead letter(s) sent again\n');
    expect([await waiting(), (await queue.depth()).dead]).toEqual([2, 0]);
    said = '';
    await run({ json: true });
    expect(JSON.parse(said)).toEqual({ queue: 'sync', redriven: 0 });
    await run({ list: true });
    expect(said).toContain('sync: no dead letters\n');
  });

  it('sends those that are named, and fails when one is not there', async () => {
    expect(await run({ id: ['m2'] })).toBe(0);
    const [sent] = await queue.receive({ max: 10, visibilityMs: 1_000, waitMs: 0, signal });
    expect(sent).toMatchObject({ body: 'no envelope', group: 'shop', receiveCount: 1 });
    said = '';
    expect(await run({ id: ['m1', 'm9'] })).toBe(1);
    expect(said).toContain('sync: 1 of 2 sent again');
  });

  it('fails when the queue did not accept all, and says so', async () => {
    const full = { listDead: async () => [], redrive: async () => ({ count: 1, left: true }) };
    expect(await redrive('sync', full, { list: false, json: false }, ports)).toBe(1);
    expect(said).toMatch(/^sync: 1 dead letter\(s\) sent again; the queue did not accept others/);
    said = '';
    await redrive('sync', full, { list: false, json: true }, ports);
    expect(JSON.parse(said)).toEqual({ queue: 'sync', redriven: 1, left: true });
  });
});
