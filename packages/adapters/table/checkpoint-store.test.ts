import { expect, it } from 'vitest';
import { createMemoryTable } from '../memory/table.ts';
import { createCheckpointStore } from './checkpoint-store.ts';

it('a checkpoint is kept per source, endpoint and resource', async () => {
  const store = createCheckpointStore(createMemoryTable());
  const deployments = { group: 'apps', resource: 'deployments' };
  await store.save('hub', 'https://hub:6443', deployments, { rv: '12', epoch: 1 });
  await store.save('hub', 'https://hub:6443', deployments, { rv: '9', epoch: 2 });
  expect(await store.load('hub', 'https://hub:6443', deployments)).toEqual({ rv: '9', epoch: 2 });
  expect(await store.load('hub', 'https://hub:6443', { group: '', resource: 'deployments' })).toBeUndefined();
  expect(await store.load('hub', 'https://other', deployments)).toBeUndefined();
  expect(await store.load('member', 'https://hub:6443', deployments)).toBeUndefined();
});
