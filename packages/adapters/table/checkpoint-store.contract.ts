import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createCheckpointStore } from './checkpoint-store.ts';
import type { TableHarness } from './table.contract.ts';

/** What the checkpoint store must do on every table when replicas use it at a time. Sources are unique per test. */
export function checkpointContract({ name, open }: TableHarness): void {
  describe(`checkpoints on ${name}`, () => {
    let stores: ReturnType<typeof createCheckpointStore>[];
    beforeAll(async () => {
      const table = await open();
      stores = [1, 2, 3].map(() => createCheckpointStore(table));
    });

    it('replicas that raise the epoch at a time all end with an epoch that stands, and the highest stays', async () => {
      const source = randomUUID();
      const wanted = [3, 1, 2];
      const stood = await Promise.all(stores.map((store, at) => store.raiseEpoch(source, wanted[at] as number)));
      stood.forEach((epoch, at) => {
        expect(epoch).toBeGreaterThanOrEqual(wanted[at] as number);
      });
      expect(await Promise.all(stores.map((store) => store.loadEpoch(source)))).toEqual([3, 3, 3]);
    });

    it('replicas that raise to the same epoch raise it once', async () => {
      const source = randomUUID();
      expect(await Promise.all(stores.map((store) => store.raiseEpoch(source, 4)))).toEqual([4, 4, 4]);
      expect(await stores[0]?.loadEpoch(source)).toBe(4);
    });

    it('of two checkpoints saved at a time one stands, whole', async () => {
      const key = { source: randomUUID(), endpoint: 'https://hub', resource: 'pods' };
      const saved = [
        { rv: '7', epoch: 1 },
        { rv: '5', epoch: 2 },
        { rv: '9', epoch: 3 },
      ];
      await Promise.all(stores.map((store, at) => store.save(key, saved[at] as (typeof saved)[number])));
      expect(saved).toContainEqual(await stores[0]?.load(key));
    });
  });
}
