import { CreateScheduleCommand } from '@aws-sdk/client-scheduler';
import { SendMessageCommand, StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AwsEmulator, CAPABILITIES } from '../../emulators/aws-emulator.ts';
import { startLocalStack, whyNoLocalStack } from '../../emulators/localstack.ts';
import { startMiniStack, whyNoMiniStack } from '../../emulators/ministack.ts';
import { until } from '../../real/harness/process.ts';
import { type Clients, clientsOf } from '../clients.ts';
import { codeOf, deploy, depthOf, listener, queue, queueFor } from './deployed.ts';

/** The capability flags are true both ways: when an emulator learns something, its flag must change. */
const EMULATORS = [
  { name: 'ministack', start: startMiniStack, missing: await whyNoMiniStack() },
  { name: 'localstack', start: startLocalStack, missing: await whyNoLocalStack() },
] as const;

for (const { name, start, missing } of EMULATORS) {
  if (name !== (process.env['EMULATOR_NAME'] ?? name)) continue;
  if (missing) console.warn(`SKIPPED: capabilities of ${name}: ${missing}`);
  const { schedulerFires, strictBatchFailures, moveTask } = CAPABILITIES[name];

  describe.skipIf(missing !== undefined)(`capabilities of ${name}`, () => {
    let emulator: AwsEmulator;
    let clients: Clients;
    beforeAll(async () => {
      emulator = await start();
      clients = clientsOf(emulator.endpoint);
    });
    afterAll(async () => {
      clients?.close();
      await emulator?.stop();
    });

    it(`strictBatchFailures: an unknown failed item ${strictBatchFailures ? 'fails' : 'does not fail'} its message`, async () => {
      const tell = await listener();
      const ZipFile = await codeOf(['itemIdentifier: messageId', "itemIdentifier: 'nobody'"]);
      await deploy(clients, 'strict', { Timeout: 2, Variables: { TELL: tell.url }, ZipFile });
      const { url } = await queueFor(clients, 'strict', false);
      await clients.queues.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'fail once' }));
      const receives = strictBatchFailures ? [1, 2] : [1];
      await until(
        'the message to be deleted',
        async () => {
          const depth = await depthOf(clients, url);
          const isDone = depth === 0 && tell.told.length >= receives.length;
          return isDone ? undefined : `${depth} left, told ${JSON.stringify(tell.told)}`;
        },
        30_000,
      );
      await tell.close();
      expect(tell.told.map((one) => one.receives)).toEqual(receives);
    });

    it(`moveTask: dead letters ${moveTask ? 'go back by' : 'stay, without'} StartMessageMoveTask`, async () => {
      const dead = await queue(clients, 'moved-dead');
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 5 });
      const source = await queue(clients, 'moved', { RedrivePolicy });
      await clients.queues.send(new SendMessageCommand({ QueueUrl: dead.url, MessageBody: 'letter' }));
      const move = new StartMessageMoveTaskCommand({ SourceArn: dead.arn, DestinationArn: source.arn });
      if (!moveTask) {
        await expect(clients.queues.send(move)).rejects.toThrow();
        return;
      }
      await clients.queues.send(move);
      await until(
        'the letter to arrive',
        async () => ((await depthOf(clients, source.url)) === 1 ? undefined : 'not there'),
        20_000,
      );
      expect(await depthOf(clients, dead.url)).toBe(0);
    });

    // That it never fires cannot be shown in a time anybody would wait for.
    it.runIf(schedulerFires)('schedulerFires: a schedule sends to a queue', async () => {
      const { url, arn } = await queue(clients, 'ticks');
      await clients.schedules.send(
        new CreateScheduleCommand({
          Name: 'tick',
          ScheduleExpression: `at(${new Date().toISOString().slice(0, 19)})`,
          FlexibleTimeWindow: { Mode: 'OFF' },
          Target: { Arn: arn, RoleArn: 'arn:aws:iam::000000000000:role/tick', Input: 'tick' },
        }),
      );
      await until('the tick', async () => ((await depthOf(clients, url)) === 1 ? undefined : 'no message'), 30_000);
    });
  });
}
