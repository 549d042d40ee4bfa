import { randomUUID } from 'node:crypto';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { createMemoryQueue } from '@tmc/adapters/memory/queue.ts';
import { type OpenQueue, queueContract } from '@tmc/adapters/queue/queue.contract.ts';
import { openDatabase } from '@tmc/adapters/sqlite/database.ts';
import { createSqliteQueue } from '@tmc/adapters/sqlite/queue.ts';
import { createSqsQueue } from '@tmc/adapters/sqs/queue.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { sequentialIds } from '@tmc/testkit/ids.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startElasticMq } from '../emulators/elasticmq.ts';
import { type Emulator, whyNoJava } from '../emulators/java.ts';

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
  let sqs: SQSClient;

  beforeAll(async () => {
    emulator = await startElasticMq();
    sqs = new SQSClient({ ...settings, endpoint: emulator.endpoint });
  }, 120_000);

  afterAll(async () => {
    sqs?.destroy();
    await emulator?.stop();
  });

  async function create(name: string, Attributes: Record<string, string> = {}): Promise<string> {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
    if (!QueueUrl) throw new Error(`queue ${name} was made without a URL`);
    return QueueUrl;
  }

  async function open(): Promise<OpenQueue> {
    const name = `test-${randomUUID()}`;
    const deadLetterUrl = await create(`${name}-dead`);
    const about = new GetQueueAttributesCommand({ QueueUrl: deadLetterUrl, AttributeNames: ['QueueArn'] });
    const { Attributes } = await sqs.send(about);
    const redrive = { deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: 3 };
    const url = await create(name, { RedrivePolicy: JSON.stringify(redrive), MaximumMessageSize: '1048576' });
    const queue = createSqsQueue({ client: sqs, url, deadLetterUrl });
    // Real time: the next receive polls until it has passed, with room for the emulator's own granularity.
    return { queue, after: async (ms) => ms + 3_000 };
  }

  queueContract({ name: 'ElasticMQ', fair: false, open });

  it('a queue that does not answer is a retry', async () => {
    const lost = new SQSClient({ ...settings, endpoint: 'http://127.0.0.1:9', maxAttempts: 1 });
    const url = 'http://127.0.0.1:9/000000000000/lost';
    const queue = createSqsQueue({ client: lost, url, deadLetterUrl: url });
    await expect(queue.send([{ body: 'a', group: 'g' }])).rejects.toMatchObject({ kind: 'retry' });
    lost.destroy();
  });
});
