import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Deployment } from '../../stacks/outputs.ts';
import { keepLogs } from './logs.ts';

it('logs of an earlier run go, those of relays that ran now stay', async () => {
  const name = `logs-${process.pid}`;
  const kept = resolve(import.meta.dirname, '..', '..', '.cache', 'aws', name);
  const relayLogs = mkdtempSync(join(tmpdir(), 'tmc-logs-'));
  onTestFinished(() => {
    for (const folder of [kept, relayLogs]) rmSync(folder, { recursive: true, force: true });
  });
  mkdirSync(kept, { recursive: true });
  for (const file of ['relay-gone.log', 'relay-hub.log', 'gone.log']) writeFileSync(join(kept, file), 'earlier');
  writeFileSync(join(relayLogs, 'relay-hub.log'), 'now');
  writeFileSync(join(relayLogs, 'hub.kubeconfig'), 'no log');
  // Without functions nothing is asked of AWS.
  const clients = {} as Parameters<typeof keepLogs>[0];
  await keepLogs(clients, { functions: {} } as Deployment, { name, relayLogs });
  expect(readdirSync(kept)).toEqual(['relay-hub.log']);
  expect(readFileSync(join(kept, 'relay-hub.log'), 'utf8')).toBe('now');
});
