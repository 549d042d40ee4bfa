import type { LeaseRecord } from '@tmc/leases/lease.ts';
import type { LeaseStore, StoredLease } from '@tmc/leases/lease-store.ts';
import { leaseKey } from './keys.ts';
import type { Item, Table } from './table.ts';

/** Leases as items of the table; the item's version is what a swap compares. Items stay, so that tokens never start over. */
export function createLeaseStore(table: Table): LeaseStore {
  return {
    read: async (scope) => toStored(await table.get(leaseKey(scope))),
    swap: async (scope, version, next) => {
      const when = version === undefined ? ({ absent: true } as const) : { version };
      const result = await table.write({ op: 'put', key: leaseKey(scope), data: { ...next }, when });
      return result.ok ? { ok: true } : { ok: false, current: toStored(result.current) };
    },
  };
}

function toStored(item: Item | undefined): StoredLease | undefined {
  return item && { record: item.data as LeaseRecord, version: item.version };
}
