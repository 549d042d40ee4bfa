/** What recovery reads and writes in the table. */
import type { Health } from './detect.ts';

/** The identity of a target, as the fleet list has it. */
export type FleetTarget = {
  readonly key: string;
  readonly workspace: string;
  readonly name: string;
  /** Kind of the hub object it was taken from: a SyncTarget or a ClusterRegistration. */
  readonly group: string;
  readonly resource: string;
};

/** What is known of a target's life. */
export type SeenRecord = {
  /** By the functions' clock; undefined: never. */
  readonly lastSeenMs?: number;
  /** What the hub says of its health as far as we know; undefined while a write of it is under way. */
  readonly shown?: Health;
};

export type StoredSeen = { readonly record: SeenRecord; readonly version: number };

export type RecoveryStore = {
  /** Every target of every workspace. */
  listFleet(): Promise<readonly FleetTarget[]>;
  /** The target with this key; undefined when there is none. */
  findFleetTarget(targetKey: string): Promise<FleetTarget | undefined>;
  findSeen(targetKey: string): Promise<StoredSeen | undefined>;
  /** Replaces that version, undefined: writes only if there is none; false when another write came first. */
  saveSeen(targetKey: string, record: SeenRecord, version: number | undefined): Promise<StoredSeen | undefined>;
};
