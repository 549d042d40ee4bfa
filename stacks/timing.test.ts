import { clientSettings } from '@tmc/adapters/aws/client-settings.ts';
import { ANSWER_MS } from '@tmc/adapters/lambda/deadline.ts';
import { sqsClient } from '@tmc/adapters/sqs/client.ts';
import { expect, it, vi } from 'vitest';
import { parseFleet } from './fleet.ts';
import { topology } from './topology.ts';

const FLEET = `
hub: { kind: kubernetes, workspace: shop, connection: { url: "https://hub.example.com:6443" } }
`;

it('a function has given up all attempts of a call of AWS before its work must end', async () => {
  vi.stubEnv('AWS_MAX_ATTEMPTS', undefined);
  const client = sqsClient({ region: 'eu-central-1' });
  const attempts = await client.config.maxAttempts();
  client.destroy();
  vi.unstubAllEnvs();
  const { connectionTimeout, requestTimeout } = clientSettings().requestHandler;
  const { functions } = topology('production', parseFleet(FLEET, 'fleet.yaml'));
  expect(functions.length).toBeGreaterThan(0);
  for (const { name, timeoutS } of functions)
    expect(attempts * (connectionTimeout + requestTimeout), name).toBeLessThan(timeoutS * 1_000 - ANSWER_MS);
});
