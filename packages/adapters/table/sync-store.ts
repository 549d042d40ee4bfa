import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';
import type { SyncStore } from '@tmc/sync/load.ts';
import { DECISION_PREFIX, groupPartition, removedTargetKey, targetFactsKey } from './keys.ts';
import type { Table } from './table.ts';

/** What sync reads of placement's records: all decisions of a namespace in one query, facts of a target in one read. */
export function createSyncStore(table: Table): SyncStore {
  return {
    async decisions(workspace, namespace) {
      const items = await table.query(groupPartition(workspace, namespace), { skPrefix: DECISION_PREFIX });
      return items.map((item) => item.data['decision'] as unknown as Decision);
    },
    async findTarget(targetKey) {
      // Of a removed target the last facts: its copies must still be found to be taken away.
      const item = (await table.get(targetFactsKey(targetKey))) ?? (await table.get(removedTargetKey(targetKey)));
      return item && (item.data['value'] as unknown as TargetFacts);
    },
  };
}
