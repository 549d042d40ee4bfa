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
