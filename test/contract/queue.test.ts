import { randomUUID } from 'node:crypto';
import { createMemoryQueue } from '@tmc/adapters/memory/queue.ts';
import { type OpenQueue, queueContract } from '@tmc/adapters/queue/queue.contract.ts';
import { openDatabase } from '@tmc/adapters/sqlite/database.ts';
import { createSqliteQueue } from '@tmc/adapters/sqlite/queue.ts';
import { connectQueues, type QueueConnection } from '@tmc/adapters/sqs/connect.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { sequentialIds } from '@tmc/testkit/ids.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startElasticMq } from '../emulators/elasticmq.ts';
import { whyNoJava } from '../emulators/java.ts';
import type { Emulator } from '../emulators/server.ts';

const missing = await whyNoJava();

const virtual = () => {
  const clock = createTestClock(1_700_000_000_000);
  const options = { name: 'test', clock: clock.now, ids: sequentialIds(), maxReceives: 3, sleep: clock.sleep };
  return { options, after: (ms: number) => clock.advance(ms).then(() => 0) };
};

queueContract({
  name: 'memory',
  fair: true,
  open: () => {
    const { options, after } = virtual();
    return { queue: createMemoryQueue(options), after };
  },
});

queueContract({
  name: 'SQLite',
  fair: true,
  open: () => {
    const { options, after } = virtual();
    return { queue: createSqliteQueue({ ...options, db: openDatabase(':memory:') }), after };
  },
});

if (missing) console.warn(`SKIPPED: queue contract on ElasticMQ: ${missing}`);

describe.skipIf(missing !== undefined)('SQS', () => {
  const settings = { region: 'elasticmq', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  let emulator: Emulator;
  let sqs: QueueConnection;

  beforeAll(async () => {
    emulator = await startElasticMq();
    sqs = connectQueues({ ...settings, endpoint: emulator.endpoint });
  }, 120_000);

  afterAll(async () => {
    sqs?.close();
    await emulator?.stop();
  });

  async function open(): Promise<OpenQueue> {
    const queue = sqs.queue(await sqs.ensure(`test-${randomUUID()}`, { maxReceives: 3 }));
    // Real time: the next receive polls until it has passed, with room for the emulator's own granularity.
    return { queue, after: async (ms) => ms + 3_000 };
  }

  queueContract({ name: 'ElasticMQ', fair: false, open });

  it('ensuring twice gives the same queue', async () => {
    const name = `test-${randomUUID()}`;
    expect(await sqs.ensure(name)).toEqual(await sqs.ensure(name));
  });

  it('a queue that does not answer is a retry', async () => {
    const lost = connectQueues({ ...settings, endpoint: 'http://127.0.0.1:9', maxAttempts: 1 });
    const url = 'http://127.0.0.1:9/000000000000/lost';
    const queue = lost.queue({ url, deadLetterUrl: url });
    await expect(queue.send([{ body: 'a', group: 'g' }])).rejects.toMatchObject({ kind: 'retry' });
    lost.close();
  });
});
