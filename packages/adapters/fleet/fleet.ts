import type { ResourceType } from '@tmc/apis/resources.ts';
import type { HubApi, MemberApi, WatchSource } from '@tmc/kernel/ports.ts';

/** A member as relays need it. */
export type FleetMember = {
  readonly name: string;
  readonly targetKey: string;
  /** Its SyncTarget; `workspace` is the workspace's id. */
  readonly syncTarget: { readonly workspace: string; readonly name: string };
  readonly source: WatchSource;
  /** Of its resourceVersions: raised when they start over. */
  readonly epoch: number;
};

/** The hub as relays and functions need it, whatever kind it is. */
export type FleetHub = {
  /** Stable id of the hub, part of checkpoints. */
  readonly hubId: string;
  /** Of its resourceVersions: raised when they start over. */
  readonly epoch: number;
  readonly hub: HubApi;
  /** The endpoints to watch now: one, or one per kcp shard. */
  sources(): readonly WatchSource[];
  /** Tells whenever the endpoints changed; a later listener replaces the earlier one. */
  onSources(listener: (sources: readonly WatchSource[]) => void): void;
  /** Why the endpoints could not be read last; undefined while they are known to be right. */
  sourcesError(): string | undefined;
  /** The resources to watch at the endpoints now: in kcp they follow the export. */
  resources(): readonly ResourceType[];
  /** Tells whenever the resources changed; a later listener replaces the earlier one. */
  onResources(listener: (resources: readonly ResourceType[]) => void): void;
  /** Why the resources could not be read last; then they are those last known, or all this version handles. */
  resourcesError(): string | undefined;
  /** Id of the workspace a configuration names by name or path. */
  workspaceId(name: string): Promise<string>;
  /** Name of a workspace as users know it, its id when unknown. */
  workspaceName(workspace: string): string;
  close(): void | Promise<void>;
};

/** Hub and members, connected. */
export type Fleet = Omit<FleetHub, 'workspaceId' | 'close'> & {
  readonly members: readonly FleetMember[];
  /** The member behind a target key; undefined when the configuration binds none to it. */
  member(targetKey: string): MemberApi | undefined;
  close(): Promise<void>;
};
