import type { JsonObject } from '@tmc/kernel/object.ts';
import type { FleetTarget, RecoveryStore, SeenRecord } from '@tmc/recovery/load.ts';
import { FLEET_PARTITION, fleetKey, targetSeenKey } from './keys.ts';
import type { Table } from './table.ts';

/** Recovery's records on the table. The fleet list is written by placement, together with a target's facts. */
export function createRecoveryStore(table: Table): RecoveryStore {
  return {
    async listFleet() {
      const items = await table.query(FLEET_PARTITION);
      return items.map(({ data }) => data['value'] as unknown as FleetTarget);
    },
    async findFleetTarget(targetKey) {
      const item = await table.get(fleetKey(targetKey));
      return item && (item.data['value'] as unknown as FleetTarget);
    },
    async findSeen(targetKey) {
      const item = await table.get(targetSeenKey(targetKey));
      return item && { record: item.data as SeenRecord, version: item.version };
    },
    async saveSeen(targetKey, record, version) {
      const result = await table.write({
        op: 'put',
        key: targetSeenKey(targetKey),
        data: record as JsonObject,
        when: version === undefined ? { absent: true } : { version },
      });
      return result.ok ? { record, version: result.version } : undefined;
    },
  };
}
