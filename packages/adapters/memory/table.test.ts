import { leaseContract } from '@tmc/leases/lease.contract.ts';
import { createLeaseStore } from '../table/lease-store.ts';
import { tableContract } from '../table/table.contract.ts';
import { createMemoryTable } from './table.ts';

tableContract({ name: 'memory', open: createMemoryTable });
leaseContract({ name: 'memory', open: () => createLeaseStore(createMemoryTable()) });
