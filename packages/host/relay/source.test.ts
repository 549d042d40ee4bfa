import type { Table } from '@tmc/adapters/table/table.ts';
import { systemClock } from '@tmc/kernel/clock.ts';
import { expect, it } from 'vitest';
import { createLog } from '../telemetry.ts';
import { parseRelayConfig } from './config.ts';
import { planSource } from './source.ts';

const url = 'https://sqs.eu-central-1.amazonaws.com/1/q';
const ports = { clock: systemClock, log: createLog('silent'), table: {} as Table };
const kubeconfig = (user: string) => `
current-context: here
contexts: [{ name: here, context: { cluster: here, user: relay } }]
clusters: [{ name: here, cluster: { server: https://127.0.0.1:1 } }]
users: [{ name: relay, user: { ${user} } }]
`;

const config = (kubeconfigData: string) => {
  const member = { name: 'west', kubeconfigData, syncTarget: { workspace: 'shop', name: 'west' } };
  const rest = { aws: { region: 'r' }, queues: { urls: { status: url, recovery: url } }, table: { name: 'tmc' } };
  return parseRelayConfig(JSON.stringify({ member, ...rest }), 'relay.json');
};

it('a kubeconfig may stand in the settings itself', async () => {
  const connect = await planSource(config(kubeconfig('token: SECRET9')), ports);
  const source = await connect();
  expect(source.source).toMatchObject({ kind: 'member', target: { workspace: 'shop', name: 'west' } });
  await source.close();
});

it('one that cannot be used is refused without being shown', async () => {
  const refused = planSource(config(kubeconfig('token: [SECRET9]')), ports);
  await expect(refused).rejects.toThrow(/^kubeconfig cannot be used: /);
  await expect(refused).rejects.not.toThrow(/SECRET9/);
});
