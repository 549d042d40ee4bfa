import { electionScope, hubIdOf } from '@tmc/adapters/fleet/relay-ids.ts';
import { checkpointKey, epochKey, leaseKey, targetFactsKey } from '@tmc/adapters/table/keys.ts';
import { targetKey } from '@tmc/apis/hash.ts';
import { describe, expect, it } from 'vitest';
import { matchesText } from '../test/aws/policy/match.ts';
import { type FleetFile, parseFleet } from './fleet.ts';
import { type Grant, hubRelayGrants, memberRelayGrants } from './permissions.ts';

const fleetWith = (hub: string): FleetFile =>
  parseFleet(
    `
hub:
  ${hub}
  connection: { url: "https://hub.example.com:6443" }
members:
  - name: west
    syncTarget: { workspace: root:locations, name: west }
    connection: { url: "https://west.example.com:6443" }
  - name: east
    syncTarget: { workspace: root:locations, name: east }
    targetKey: as-hashed-from-its-id
    connection: { url: "https://east.example.com:6443" }
`,
    'fleet.yaml',
  );

const kcp = fleetWith('kind: kcp\n  export: { workspace: root:tmc, name: tmc.kcp.io }');
const kubernetes = fleetWith('kind: kubernetes\n  workspace: shop');

/** Partition keys of what a relay keeps in the table. */
const keptBy = (kind: 'hub' | 'member', id: string, endpoint: string): string[] =>
  [checkpointKey(id, endpoint, 'deployments.apps'), epochKey(id), leaseKey(electionScope(kind, id))].map(
    ({ pk }) => pk,
  );

/** Those of the partition keys that the grants let nobody do this on. */
const refused = (grants: readonly Grant[], action: string, partitions: readonly string[]): string[] =>
  partitions.filter(
    (partition) =>
      !grants.some(
        (grant) =>
          grant.on === 'table' &&
          grant.actions.some((one) => one === action) &&
          grant.partitions.some((pattern) => matchesText(pattern, partition)),
      ),
  );

describe('grants of relays', () => {
  it.each([
    ['kcp', kcp, 'root:tmc/tmc.kcp.io', 'https://hub.example.com:6443/services/apiexport/2x/tmc.kcp.io'],
    ['kubernetes', kubernetes, 'shop', 'hub'],
  ])(
    'reach what the relay of a %s hub keeps in the table, and not what another hub’s does',
    (_, fleet, id, endpoint) => {
      expect(hubIdOf(fleet.hub)).toBe(id);
      const grants = hubRelayGrants(fleet);
      const kept = keptBy('hub', id, endpoint);
      for (const action of ['dynamodb:GetItem', 'dynamodb:UpdateItem'])
        expect(refused(grants, action, kept)).toEqual([]);
      const foreign = [...keptBy('hub', `${id}2`, endpoint), ...keptBy('hub', 'root:tmc/other', endpoint)];
      expect(refused(grants, 'dynamodb:UpdateItem', foreign)).toEqual(foreign);
    },
  );

  it('reach what the relay of a member keeps and reads in the table, and not what another’s does', () => {
    const [west, east] = kcp.members.map((member) => ({
      grants: memberRelayGrants(member),
      key: member.targetKey ?? targetKey(member.syncTarget.workspace, member.syncTarget.name),
    }));
    for (const [own, other] of [
      [west, east],
      [east, west],
    ]) {
      if (!own || !other) throw new Error('the fleet has two members');
      const kept = keptBy('member', own.key, 'west');
      for (const action of ['dynamodb:GetItem', 'dynamodb:UpdateItem'])
        expect(refused(own.grants, action, kept)).toEqual([]);
      expect(refused(own.grants, 'dynamodb:GetItem', [targetFactsKey(own.key).pk])).toEqual([]);
      const foreign = keptBy('member', other.key, 'west');
      expect(refused(own.grants, 'dynamodb:UpdateItem', foreign)).toEqual(foreign);
    }
  });
});
