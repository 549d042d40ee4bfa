import { retryError } from '@tmc/kernel/errors.ts';
import { expect, it } from 'vitest';
import { createMemoryTable } from '../memory/table.ts';
import { checkpointContract } from './checkpoint-store.contract.ts';
import { createCheckpointStore } from './checkpoint-store.ts';

checkpointContract({ name: 'memory', open: createMemoryTable });

it('a throttled table is a retry for every call, and nothing is half done', async () => {
  const memory = createMemoryTable();
  const throttled = async (): Promise<never> => {
    throw retryError('throttled', { type: 'NetworkConnectivity', component: 'table' });
  };
  const key = { source: 'hub', endpoint: 'e', resource: 'r' };
  const blind = createCheckpointStore({ ...memory, get: throttled });
  await expect(blind.load(key)).rejects.toMatchObject({ kind: 'retry' });
  await expect(blind.loadEpoch('hub')).rejects.toMatchObject({ kind: 'retry' });
  const mute = createCheckpointStore({ ...memory, write: throttled });
  await expect(mute.save(key, { rv: '1', epoch: 1 })).rejects.toMatchObject({ kind: 'retry' });
  await expect(mute.raiseEpoch('hub', 2)).rejects.toMatchObject({ kind: 'retry' });
  expect(await createCheckpointStore(memory).loadEpoch('hub')).toBe(0);
});

it('an epoch that others keep writing is a conflict, not a wait without end', async () => {
  const memory = createMemoryTable();
  let writes = 0;
  const store = createCheckpointStore({
    ...memory,
    write: async () => {
      writes += 1;
      return { ok: false, current: undefined };
    },
  });
  await expect(store.raiseEpoch('hub', 2)).rejects.toMatchObject({ kind: 'conflict' });
  expect(writes).toBe(5);
});

it('a checkpoint is kept per source, endpoint and resource', async () => {
  const store = createCheckpointStore(createMemoryTable());
  const key = { source: 'hub', endpoint: 'https://hub:6443', resource: 'deployments.apps' };
  await store.save(key, { rv: '12', epoch: 1 });
  await store.save(key, { rv: '9', epoch: 2 });
  expect(await store.load(key)).toEqual({ rv: '9', epoch: 2 });
  expect(await store.load({ ...key, resource: 'deployments' })).toBeUndefined();
  expect(await store.load({ ...key, endpoint: 'https://other' })).toBeUndefined();
  expect(await store.load({ ...key, source: 'member' })).toBeUndefined();
});

it('an epoch only rises, for each source on its own', async () => {
  const store = createCheckpointStore(createMemoryTable());
  expect(await store.loadEpoch('hub')).toBe(0);
  expect(await store.raiseEpoch('hub', 2)).toBe(2);
  expect(await store.raiseEpoch('hub', 1)).toBe(2);
  expect(await Promise.all([store.raiseEpoch('hub', 3), store.raiseEpoch('hub', 4)])).toContain(4);
  expect(await store.loadEpoch('hub')).toBe(4);
  expect(await store.loadEpoch('member')).toBe(0);
});
