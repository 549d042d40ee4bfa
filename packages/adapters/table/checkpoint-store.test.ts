import { expect, it } from 'vitest';
import { createMemoryTable } from '../memory/table.ts';
import { createCheckpointStore } from './checkpoint-store.ts';

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
