import { checkpointKey } from './keys.ts';
import type { Table } from './table.ts';

/** Where a relay resumes: every event up to this revision was acknowledged. */
type Checkpoint = { readonly rv: string; readonly epoch: number };

/** Whose checkpoint: hub id or target key, endpoint, and `resource.group`. */
type CheckpointKey = { readonly source: string; readonly endpoint: string; readonly resource: string };

export type CheckpointStore = {
  load(key: CheckpointKey): Promise<Checkpoint | undefined>;
  /** Last write wins: going back only replays events, which is harmless. */
  save(key: CheckpointKey, checkpoint: Checkpoint): Promise<void>;
};

/** Checkpoints per (source, endpoint, resource) on the table: one item each, one write per save. Fits the relay's port. */
export function createCheckpointStore(table: Table): CheckpointStore {
  return {
    load: async ({ source, endpoint, resource }) => {
      const item = await table.get(checkpointKey(source, endpoint, resource));
      return item && { rv: String(item.data['rv']), epoch: Number(item.data['epoch']) };
    },
    save: async ({ source, endpoint, resource }, { rv, epoch }) => {
      await table.write({ op: 'put', key: checkpointKey(source, endpoint, resource), data: { rv, epoch } });
    },
  };
}
