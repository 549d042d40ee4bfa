import { conflictError } from '@tmc/kernel/errors.ts';
import { checkpointKey, epochKey } from './keys.ts';
import type { Table } from './table.ts';

/** Where a relay resumes: every event up to this revision was acknowledged. */
type Checkpoint = { readonly rv: string; readonly epoch: number };

/** Whose checkpoint: hub id or target key, endpoint, and `resource.group`. */
type CheckpointKey = { readonly source: string; readonly endpoint: string; readonly resource: string };

export type CheckpointStore = {
  load(key: CheckpointKey): Promise<Checkpoint | undefined>;
  /** Last write wins: going back only replays events, which is harmless. */
  save(key: CheckpointKey, checkpoint: Checkpoint): Promise<void>;
  /** Highest epoch recorded for a source, 0 when none was. */
  loadEpoch(source: string): Promise<number>;
  /** Records an epoch unless a higher one stands there; the one that stands then. @throws TmcError conflict under contention. */
  raiseEpoch(source: string, to: number): Promise<number>;
};

/** How often a lost race for the epoch is run again: two replicas raise it at most. */
const RACES = 5;

/** Checkpoints per (source, endpoint, resource) on the table: one item each, one write per save. Fits the relay's port. */
export function createCheckpointStore(table: Table): CheckpointStore {
  const readEpoch = async (source: string) => {
    const item = await table.get(epochKey(source));
    return { item, epoch: Number(item?.data['epoch'] ?? 0) };
  };
  return {
    load: async ({ source, endpoint, resource }) => {
      const item = await table.get(checkpointKey(source, endpoint, resource));
      return item && { rv: String(item.data['rv']), epoch: Number(item.data['epoch']) };
    },
    save: async ({ source, endpoint, resource }, { rv, epoch }) => {
      await table.write({ op: 'put', key: checkpointKey(source, endpoint, resource), data: { rv, epoch } });
    },
    loadEpoch: async (source) => (await readEpoch(source)).epoch,
    raiseEpoch: async (source, to) => {
      for (let race = 0; race < RACES; race += 1) {
        const { item, epoch } = await readEpoch(source);
        if (item && epoch >= to) return epoch;
        const when = item ? { version: item.version } : ({ absent: true } as const);
        const written = await table.write({ op: 'put', key: epochKey(source), data: { epoch: to }, when });
        if (written.ok) return to;
      }
      throw conflictError(`raising the epoch of ${source} to ${to}: others keep writing it`, { component: 'relay' });
    },
  };
}
