import { beforeEach, describe, expect, it } from 'vitest';
import { createMemoryTable } from '../memory/table.ts';
import { coalesceReads } from './coalesced-reads.ts';
import { tableContract } from './table.contract.ts';
import type { Item, QueryOptions, Table } from './table.ts';

tableContract({ name: 'coalesced reads of memory', open: () => coalesceReads(createMemoryTable()) });

const KEY = { pk: 'T#east', sk: 'FACTS' };
const item = (version: number): Item => ({ ...KEY, version, data: {} });

/** A read that was sent and waits for its answer. */
type Sent = {
  readonly what: readonly unknown[];
  answer(found: Item | undefined): void;
  fail(error: Error): void;
};

let sent: Sent[];
let table: Table;
beforeEach(() => {
  sent = [];
  const asked = (...what: unknown[]) =>
    new Promise<Item | undefined>((answer, fail) => void sent.push({ what, answer, fail }));
  const inner: Table = {
    get: (key) => asked('get', key),
    query: async (pk, options) => [await asked('query', pk, options)].filter((found) => found !== undefined),
    write: () => Promise.reject(new Error('not written here')),
    transact: () => Promise.reject(new Error('not written here')),
  };
  table = coalesceReads(inner);
});

const sentAre = (count: number) => expect.poll(() => sent.length).toBe(count);

describe('equal reads', () => {
  it('that are asked for before one is sent share it', async () => {
    const answers = [table.get(KEY), table.get({ ...KEY }), table.get(KEY)];
    await sentAre(1);
    sent[0]?.answer(item(1));
    expect(await Promise.all(answers)).toEqual([item(1), item(1), item(1)]);
    expect(sent).toHaveLength(1);
  });

  it('asked for after one was sent see what is true later, all of them by one read', async () => {
    const first = table.get(KEY);
    await sentAre(1);
    const later = [table.get(KEY), table.get(KEY)];
    sent[0]?.answer(item(1));
    expect(await first).toEqual(item(1));
    await sentAre(2);
    sent[1]?.answer(item(2));
    expect(await Promise.all(later)).toEqual([item(2), item(2)]);
    const last = table.get(KEY);
    await sentAre(3);
    sent[2]?.answer(undefined);
    expect(await last).toBeUndefined();
  });

  it('asked for after one was sent do not wait for it: it may hang', async () => {
    void table.get(KEY);
    await sentAre(1);
    const later = table.get(KEY);
    await sentAre(2);
    sent[1]?.answer(item(2));
    expect(await later).toEqual(item(2));
  });

  it('a failure reaches all who share the read, and nobody who asked after it was sent', async () => {
    const shared = [table.get(KEY), table.get(KEY)];
    await sentAre(1);
    const later = table.get(KEY);
    sent[0]?.fail(new Error('throttled'));
    for (const one of await Promise.allSettled(shared))
      expect(one).toMatchObject({ status: 'rejected', reason: { message: 'throttled' } });
    await sentAre(2);
    sent[1]?.answer(item(2));
    expect(await later).toEqual(item(2));
  });

  it('of other keys, partitions and options are other reads', async () => {
    const options: (QueryOptions | undefined)[] = [
      undefined,
      { skPrefix: 'NOW#' },
      { skPrefix: 'NOW#', limit: 1 },
      { skPrefix: 'NOW#', descending: true },
    ];
    const queries = options.map((one) => table.query('G#a', one));
    const answers = [...queries, table.query('G#a', { skPrefix: 'NOW#' }), table.query('G#b'), table.get(KEY)];
    await sentAre(6);
    expect(sent.map(({ what }) => what)).toEqual([
      ...options.map((one) => ['query', 'G#a', one ?? {}]),
      ['query', 'G#b', {}],
      ['get', KEY],
    ]);
    for (const one of sent) one.answer(undefined);
    await Promise.all(answers);
  });
});

it('what was written before the question is in the answer', async () => {
  const real = coalesceReads(createMemoryTable());
  for (let round = 1; round <= 3; round += 1) {
    const before = real.get(KEY);
    await real.write({ op: 'put', key: KEY, data: { round } });
    const [after, all] = await Promise.all([real.get(KEY), real.query(KEY.pk)]);
    expect(after?.data).toEqual({ round });
    expect(all.map(({ data }) => data)).toEqual([{ round }]);
    await before;
  }
});
