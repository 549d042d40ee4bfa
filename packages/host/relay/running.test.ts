import type { Table } from '@tmc/adapters/table/table.ts';
import { systemClock } from '@tmc/kernel/clock.ts';
import { expect, it } from 'vitest';
import { createLog } from '../telemetry.ts';
import type { AwsOutlets } from './aws.ts';
import { parseRelayConfig } from './config.ts';
import { RunningRelay } from './running.ts';

const url = 'https://sqs.eu-central-1.amazonaws.com/1/q';
const CONFIG = {
  member: { name: 'west', kubeconfig: 'west.kubeconfig', syncTarget: { workspace: 'ws', name: 'west' } },
  aws: { region: 'eu-central-1' },
  queues: { urls: { status: url, recovery: url } },
  table: { name: 'tmc' },
  drainMs: 20,
};

it('a relay that waits for an answer to connect can be stopped', async () => {
  const queue: AwsOutlets['queues']['sync'] = { send: async () => ({ failed: [] }) };
  const queues = { placement: queue, sync: queue, status: queue, recovery: queue };
  let closed = false;
  const close = () => {
    closed = true;
  };
  const relay = new RunningRelay(parseRelayConfig(JSON.stringify(CONFIG), '/etc/tmc/relay.json'), {
    clock: systemClock,
    log: createLog('silent'),
    aws: { queues, table: {} as Table, close } as AwsOutlets,
  });
  relay.begin(() => new Promise(() => {}));
  await relay.stop();
  expect(closed).toBe(true);
});
