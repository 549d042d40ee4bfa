import { existsSync } from 'node:fs';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { UpdateFunctionCodeCommand, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AwsEmulator, REGION } from '../emulators/aws-emulator.ts';
import { startLocalStack, whyNoLocalStack } from '../emulators/localstack.ts';
import { startMiniStack, whyNoMiniStack } from '../emulators/ministack.ts';
import { until } from '../real/harness/process.ts';
import { type Clients, clientsOf } from './clients.ts';
import { call, codeOf, deploy, depthOf, listener, logsOf, queueFor, type Told } from './emulators/deployed.ts';
import { familyOf, isRunning, listening } from './emulators/processes.ts';

/**
 * What the other suites of this project take for granted of an emulator, shown with a function of a few lines. Starts its own; of the
 * emulator alone that the rest of the run uses, if it names one.
 */
const EMULATORS = [
  { name: 'ministack', start: startMiniStack, missing: await whyNoMiniStack() },
  { name: 'localstack', start: startLocalStack, missing: await whyNoLocalStack() },
] as const;

type Tale = { pid: number; TMPDIR: string };

for (const { name, start, missing } of EMULATORS) {
  if (name !== (process.env['EMULATOR_NAME'] ?? name)) continue;
  if (missing) console.warn(`SKIPPED: functions on ${name}: ${missing}`);

  describe.skipIf(missing !== undefined)(`functions on ${name}`, () => {
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

    it('run on the pinned Node with their environment, their name and the address of the emulator', async () => {
      await deploy(clients, 'tell', { Variables: { GREETING: 'grüß dich' }, Timeout: 10 });
      const { error, answer } = await call(clients, 'tell', { do: 'tell' });
      expect(error).toBe(false);
      expect(answer).toMatchObject({
        version: 'v24.21.0',
        greeting: 'grüß dich',
        arn: `arn:aws:lambda:${REGION}:000000000000:function:tell`,
        AWS_ENDPOINT_URL: emulator.endpoint,
      });
      const { remainingMs } = answer as { remainingMs: number };
      expect(remainingMs).toBeGreaterThan(8_000);
      expect(remainingMs).toBeLessThanOrEqual(10_000);
    });

    it('answer with what they throw, and go on', async () => {
      await deploy(clients, 'throw');
      const { error, answer } = await call(clients, 'throw', { do: 'throw' });
      expect({ error, answer }).toMatchObject({
        error: true,
        answer: { errorMessage: expect.stringContaining('as asked') },
      });
      expect((await call(clients, 'throw', { do: 'tell' })).error).toBe(false);
    });

    it('are ended when their time is over or they exit, and replaced at the next call', async () => {
      await deploy(clients, 'ends', { Timeout: 1 });
      const before = (await call(clients, 'ends', { do: 'tell' })).answer as Tale;
      const startMs = performance.now();
      const late = await call(clients, 'ends', { do: 'hang' });
      expect(performance.now() - startMs).toBeGreaterThan(900);
      expect(late).toMatchObject({ error: true, answer: { errorMessage: expect.stringMatching(/timed out after 1/) } });
      await until(
        'the hanging process to end',
        async () => (isRunning(before.pid) ? `${before.pid} runs` : undefined),
        5_000,
      );
      expect((await call(clients, 'ends', { do: 'exit' })).error).toBe(true);
      expect(await call(clients, 'ends', { do: 'tell' })).toMatchObject({
        error: false,
        answer: { pid: expect.any(Number) },
      });
    });

    it('run new code and new settings after an update', async () => {
      await deploy(clients, 'update', { Variables: { GREETING: 'old' } });
      await call(clients, 'update', { do: 'tell' });
      const ZipFile = await codeOf(['greeting: GREETING', "greeting: ['new code', GREETING].join()"]);
      await clients.functions.send(new UpdateFunctionCodeCommand({ FunctionName: 'update', ZipFile }));
      await until('the new code', () => greets('update', 'new code,old'), 20_000);
      const Environment = { Variables: { GREETING: 'new' } };
      await clients.functions.send(new UpdateFunctionConfigurationCommand({ FunctionName: 'update', Environment }));
      await until('the new settings', () => greets('update', 'new code,new'), 20_000);
    });

    it('log to CloudWatch', async () => {
      await deploy(clients, 'log');
      await call(clients, 'log', { do: 'tell' });
      await until(
        'the line',
        async () => {
          const text = await logsOf(clients, 'log').catch(String);
          return text.includes('called with do') ? undefined : text;
        },
        20_000,
      );
    });

    it.each([
      ['standard', false],
      ['FIFO', true],
    ])('take messages of a %s queue; of a batch only what failed comes back', async (kind, fifo) => {
      const tell = await listener();
      const id = `queue-${kind.toLowerCase()}`;
      await deploy(clients, id, { Timeout: 2, Variables: { TELL: tell.url } });
      const { url, arn } = await queueFor(clients, id, fifo);
      const bodies = ['a', 'b', 'fail once'];
      const Entries = bodies.map((MessageBody, at) => ({
        Id: String(at),
        MessageBody,
        ...(fifo && { MessageGroupId: 'group', MessageDeduplicationId: String(at) }),
      }));
      await clients.queues.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
      await until(
        'the message to come back',
        async () => (tell.told.length > 3 ? undefined : JSON.stringify(tell.told)),
        30_000,
      );
      await until(
        'the queue to be empty',
        async () => {
          const depth = await depthOf(clients, url);
          return depth === 0 ? undefined : `${depth} messages`;
        },
        30_000,
      );
      await tell.close();
      const common = { from: arn, ...(fifo && { group: 'group' }) };
      expect([...tell.told].sort(byBody)).toEqual([
        { ...common, body: 'a', receives: 1 },
        { ...common, body: 'b', receives: 1 },
        { ...common, body: 'fail once', receives: 1 },
        { ...common, body: 'fail once', receives: 2 },
      ]);
    });

    it.each(['is stopped', 'is killed'])(
      'are on loopback alone, and leave nothing when the emulator %s',
      async (end) => {
        const other = await start();
        const seen = clientsOf(other.endpoint);
        let tale: Tale;
        let family: number[];
        try {
          await deploy(seen, 'leave');
          // LocalStack starts Java with the first call.
          await seen.table.send(new ListTablesCommand({}));
          tale = (await call(seen, 'leave', { do: 'tell' })).answer as Tale;
          family = familyOf(other.pid);
          const { loopback, elsewhere } = listening(family);
          const port = Number(new URL(other.endpoint).port).toString(16).toUpperCase().padStart(4, '0');
          expect(loopback).toContain(`0100007F:${port}`);
          expect(elsewhere).toEqual([]);
          expect(family).toContain(tale.pid);
          expect(existsSync(tale.TMPDIR)).toBe(true);
        } finally {
          seen.close();
          if (end === 'is killed') process.kill(other.pid, 'SIGKILL');
          else await other.stop();
        }
        await until('all processes to end', async () => family.filter(isRunning).join() || undefined, 30_000);
        await other.stop();
        expect(existsSync(tale.TMPDIR)).toBe(false);
      },
    );

    /** What is wrong with the greeting of a function, if anything. */
    async function greets(id: string, wanted: string): Promise<string | undefined> {
      const { answer } = await call(clients, id, { do: 'tell' });
      const said = (answer as { greeting?: string }).greeting;
      return said === wanted ? undefined : `it says ${said}`;
    }
  });
}

function byBody(a: Told, b: Told): number {
  return a.body.localeCompare(b.body) || a.receives - b.receives;
}
