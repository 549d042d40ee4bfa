import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  InvokeCommand,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { Clients } from '../clients.ts';
import { zip } from './zip.ts';

/** What `function.mjs` says of each record it is given. */
export type Told = { body: string; receives: number; group?: string; from: string };

export type Queue = { readonly url: string; readonly arn: string };

const MODULE = join(import.meta.dirname, 'function.mjs');
const TRUST = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

/** The code of `function.mjs`, with the text replaced. */
export async function codeOf(replace: readonly [string, string] = ['', '']): Promise<Uint8Array> {
  return zip({ 'index.mjs': (await readFile(MODULE, 'utf8')).replace(...replace) });
}

/** Seconds, environment and, if it is another, code. */
type Settings = { Timeout?: number; Variables?: Record<string, string>; ZipFile?: Uint8Array };

/** Deploys `function.mjs` and waits until it can be called. */
export async function deploy(
  clients: Clients,
  name: string,
  { Timeout = 10, Variables = {}, ZipFile }: Settings = {},
): Promise<void> {
  const made = await clients.roles.send(
    new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(TRUST) }),
  );
  await clients.functions.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Role: made.Role?.Arn,
      Timeout,
      Environment: { Variables },
      Code: { ZipFile: ZipFile ?? (await codeOf()) },
    }),
  );
  await waitUntilFunctionActiveV2({ client: clients.functions, minDelay: 1, maxWaitTime: 30 }, { FunctionName: name });
}

/** Calls a function; `error` says whether it failed, `answer` is then what with. */
export async function call(
  clients: Clients,
  name: string,
  event: object,
): Promise<{ error: boolean; answer: unknown }> {
  const sent = await clients.functions.send(
    new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(event)) }),
  );
  const text = sent.Payload?.transformToString() ?? '';
  return { error: sent.FunctionError !== undefined, answer: text === '' ? undefined : JSON.parse(text) };
}

/** What a function has logged. */
export async function logsOf({ logs }: Clients, name: string): Promise<string> {
  const found = await logs.send(new FilterLogEventsCommand({ logGroupName: `/aws/lambda/${name}` }));
  return (found.events ?? []).map((event) => event.message).join('\n');
}

/** A new queue; what is received comes back after two seconds. */
export async function queue({ queues }: Clients, name: string, more: Record<string, string> = {}): Promise<Queue> {
  const Attributes = { VisibilityTimeout: '2', ...more };
  const { QueueUrl = '' } = await queues.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] });
  return { url: QueueUrl, arn: (await queues.send(asked)).Attributes?.QueueArn ?? '' };
}

/** A queue that feeds the function of its name. */
export async function queueFor(clients: Clients, name: string, fifo: boolean): Promise<Queue> {
  const made = await (fifo ? queue(clients, `${name}.fifo`, { FifoQueue: 'true' }) : queue(clients, name));
  await clients.functions.send(
    new CreateEventSourceMappingCommand({
      FunctionName: name,
      EventSourceArn: made.arn,
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    }),
  );
  return made;
}

/** How many messages a queue still has, visible or not. */
export async function depthOf({ queues }: Clients, QueueUrl: string): Promise<number> {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const { Attributes = {} } = await queues.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] }),
  );
  return names.reduce((sum, one) => sum + Number(Attributes[one] ?? 0), 0);
}

/** Listens for what functions tell; they run on this machine, so they reach the loopback address. */
export async function listener(): Promise<{ url: string; told: Told[]; close: () => Promise<void> }> {
  const told: Told[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    told.push(JSON.parse(body) as Told);
    response.end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    told,
    close: () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
}
