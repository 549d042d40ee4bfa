import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';
import type { GroupRef } from '@tmc/placement/snapshot.ts';
import type { SyncStore } from '@tmc/sync/load.ts';
import {
  DECISION_PREFIX,
  groupPartition,
  RESERVATION_PREFIX,
  removedTargetKey,
  targetFactsKey,
  targetPartition,
} from './keys.ts';
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
    async namespacesOf(targetKey) {
      const items = await table.query(targetPartition(targetKey), { skPrefix: RESERVATION_PREFIX });
      const groups = items.map((item) => item.data['group'] as unknown as GroupRef);
      // Several policies may place one namespace; no part of the text can hold a line break.
      return [...new Map(groups.map((group) => [`${group.workspace}\n${group.namespace}`, placeOf(group)])).values()];
    },
  };
}

const placeOf = ({ workspace, namespace }: GroupRef) => ({ workspace, namespace });
