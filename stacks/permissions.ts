import { electionScope, hubIdOf } from '@tmc/adapters/fleet/relay-ids.ts';
import { targetKey } from '@tmc/apis/hash.ts';
import type { QueueName } from '@tmc/kernel/envelope.ts';
import type { ConnectionFile, DeployedMember, FleetFile } from './fleet.ts';

/**
 * Which calls each part may make, on what. The test of the deployed system holds this list to the calls that were really made: one
 * that is missing fails there, and so does one that nobody used.
 */
export type Grant =
  /** The queue itself, or its dead letters. */
  | { readonly on: 'queue' | 'dead-letters'; readonly queue: string; readonly actions: readonly `sqs:${string}`[] }
  /** Items of the table whose partition key matches one of the patterns: `*` stands for any characters. */
  | { readonly on: 'table'; readonly partitions: readonly string[]; readonly actions: readonly `dynamodb:${string}`[] }
  | { readonly on: 'secret'; readonly name: string; readonly actions: readonly 'secretsmanager:GetSecretValue'[] }
  | { readonly on: 'parameter'; readonly name: string; readonly actions: readonly 'ssm:GetParameter'[] };

const READ = ['dynamodb:GetItem', 'dynamodb:Query'] as const;
const WRITE = ['dynamodb:UpdateItem', 'dynamodb:DeleteItem'] as const;

/** What the mapping that feeds a function does in its name, and the function with a message of its own. */
const consume = (queue: QueueName): Grant[] => [
  {
    on: 'queue',
    queue,
    actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ChangeMessageVisibility'],
  },
  { on: 'dead-letters', queue, actions: ['sqs:SendMessage'] },
];
const send = (queue: QueueName): Grant => ({ on: 'queue', queue, actions: ['sqs:SendMessage'] });
const table = (partitions: readonly string[], actions: readonly `dynamodb:${string}`[]): Grant => ({
  on: 'table',
  partitions,
  actions,
});

/** Partitions as `packages/adapters/table/keys.ts` builds them. */
const TARGETS = 'T#*';
const FLEET = 'F';
const WORKSPACES = 'W#*';
const GROUPS = 'G#*';
const UNSATISFIED = 'U#*';
const TRACKED = 'S#*';

const GRANTS: Readonly<Record<string, readonly Grant[]>> = {
  place: [
    ...consume('placement'),
    send('placement'),
    send('sync'),
    // Of a target that is back.
    send('status'),
    table([TARGETS, FLEET, WORKSPACES, GROUPS, UNSATISFIED, TRACKED], [...READ, ...WRITE]),
  ],
  'sync-down': [...consume('sync'), send('sync'), table([TARGETS, GROUPS], READ)],
  'sync-up': [...consume('status'), send('sync'), send('status'), table([TARGETS, GROUPS], READ)],
  recover: [...consume('recovery'), table([FLEET, TARGETS], [...READ, 'dynamodb:UpdateItem'])],
  sweep: [table([FLEET, TARGETS], [...READ, 'dynamodb:UpdateItem'])],
  redrive: (['placement', 'sync', 'status', 'recovery'] as const).flatMap((queue): Grant[] => [
    send(queue),
    {
      on: 'dead-letters',
      queue,
      actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
    },
  ]),
  api: [
    table([FLEET, TARGETS, GROUPS], READ),
    ...(['placement', 'sync', 'status', 'recovery'] as const).flatMap((queue): Grant[] => [
      { on: 'queue', queue, actions: ['sqs:GetQueueAttributes'] },
      { on: 'dead-letters', queue, actions: ['sqs:GetQueueAttributes'] },
    ]),
  ],
};

/** What a function may do, apart from reading its credentials: see {@link credentialGrants}. */
export function grantsOf(name: string): readonly Grant[] {
  return GRANTS[name] ?? [];
}

/** Reading what the fleet's connections refer to: the secrets and parameters that are named, and no others. */
export function credentialGrants(connections: readonly Pick<ConnectionFile, 'secret' | 'parameter'>[]): Grant[] {
  return connections.flatMap(({ secret, parameter }): Grant[] => [
    ...(secret !== undefined
      ? [{ on: 'secret', name: secret, actions: ['secretsmanager:GetSecretValue'] } as const]
      : []),
    ...(parameter !== undefined ? [{ on: 'parameter', name: parameter, actions: ['ssm:GetParameter'] } as const] : []),
  ]);
}

/** The hub relay sends what it sees, and keeps its checkpoints, epoch and election in the table. */
export function hubRelayGrants({ hub }: FleetFile): Grant[] {
  return [send('placement'), send('sync'), send('recovery'), relayTable('hub', hubIdOf(hub))];
}

/** A member's relay receives from its own command queue only, and speaks to no other function than those that hear of members. */
export function memberRelayGrants(member: DeployedMember): Grant[] {
  const key = member.targetKey ?? targetKey(member.syncTarget.workspace, member.syncTarget.name);
  return [
    {
      on: 'queue',
      queue: `commands-${member.name}`,
      actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
    },
    send('status'),
    send('recovery'),
    // Which kinds the target syncs.
    table([`T#${key}`], ['dynamodb:GetItem']),
    relayTable('member', key),
  ];
}

const relayTable = (kind: 'hub' | 'member', id: string): Grant =>
  table([`C#${id}`, `C#${id}#*`, `K#${electionScope(kind, id)}`], ['dynamodb:GetItem', 'dynamodb:UpdateItem']);
