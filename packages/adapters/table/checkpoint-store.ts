import { formatGroupResource, type GroupResource } from '@tmc/kernel/key.ts';
import { checkpointKey } from './keys.ts';
import type { Table } from './table.ts';

/** Where a relay resumes: every event up to this revision was acknowledged. */
export type Checkpoint = { readonly rv: string; readonly epoch: number };

export type CheckpointStore = {
  load(source: string, endpoint: string, resource: GroupResource): Promise<Checkpoint | undefined>;
  /** Last write wins: going back only replays events, which is harmless. */
  save(source: string, endpoint: string, resource: GroupResource, checkpoint: Checkpoint): Promise<void>;
};

/** Checkpoints per (source, endpoint, resource) on the table: one item each, one write per save. */
export function createCheckpointStore(table: Table): CheckpointStore {
  return {
    load: async (source, endpoint, resource) => {
      const item = await table.get(checkpointKey(source, endpoint, formatGroupResource(resource)));
      return item && { rv: String(item.data['rv']), epoch: Number(item.data['epoch']) };
    },
    save: async (source, endpoint, resource, { rv, epoch }) => {
      const key = checkpointKey(source, endpoint, formatGroupResource(resource));
      await table.write({ op: 'put', key, data: { rv, epoch } });
    },
  };
}
