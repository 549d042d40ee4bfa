import { DeleteLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  type Architecture,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  type GetFunctionCommandOutput,
  type LambdaClient,
  ListVersionsByFunctionCommand,
  type LogFormat,
  PublishVersionCommand,
  type Runtime,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { isUnsupported, orAbsent } from '../failure.ts';
import { type Identity, type Json, type Kind, kind, type Live, part, physicalName, type Where } from '../kind.ts';
import { until } from '../until.ts';
import { functionArn } from './function-name.ts';

const inputs = z.strictObject({
  name: z.string().optional(),
  description: z.string().default(''),
  role: z.string(),
  handler: z.string(),
  runtime: z.string(),
  packageType: z.literal('Zip').default('Zip'),
  s3Bucket: z.string(),
  s3Key: z.string(),
  timeout: z.number().default(3),
  memorySize: z.number().default(128),
  ephemeralStorage: z.strictObject({ size: z.number() }).default({ size: 512 }),
  environment: z.strictObject({ variables: z.record(z.string(), z.string()).default({}) }).default({ variables: {} }),
  architectures: z.array(z.enum(['x86_64', 'arm64'])).length(1),
  loggingConfig: z
    .strictObject({
      logFormat: z.enum(['JSON', 'Text']).default('Text'),
      logGroup: z.string(),
      applicationLogLevel: z.string().optional(),
      systemLogLevel: z.string().optional(),
    })
    .optional(),
  publish: z.boolean().default(false),
});
type Inputs = z.infer<typeof inputs>;

/** Functions from zip files on S3; with `publish`, each change becomes a version. */
export function functionKinds({ lambda, logs }: Pick<Clients, 'lambda' | 'logs'>, where: Where): Kind[] {
  return [
    kind<Inputs>({
      type: 'aws:lambda/function:Function',
      noun: 'function',
      comesBack: true,
      inputs,
      identify: ({ name }, logical) => ({ function: name ?? physicalName(where, logical, 64) }),
      fields: fieldsOf,
      read: (identity) => read(lambda, identity),
      create: (identity, said) => create(lambda, identity, said),
      update: (identity, said, changed) => update(lambda, identity, said, changed),
      async remove(identity) {
        const FunctionName = part(identity, 'function');
        await orAbsent(lambda.send(new DeleteFunctionCommand({ FunctionName })));
        await removeOwnLogs(logs, FunctionName);
      },
      outputs: (identity, said, live, isChanging) => outputs(where, identity, said, live, isChanging),
    }),
  ];
}

/** Some emulators write logs to the group of the function's name, whatever group it is told to use. */
async function removeOwnLogs(logs: Clients['logs'], name: string): Promise<void> {
  try {
    await orAbsent(logs.send(new DeleteLogGroupCommand({ logGroupName: ownLogs(name) })));
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

const ownLogs = (name: string): string => `/aws/lambda/${name}`;

function fieldsOf(said: Inputs): Record<string, Json> {
  return {
    code: `${said.s3Bucket}/${said.s3Key}`,
    description: said.description,
    role: said.role,
    handler: said.handler,
    runtime: said.runtime,
    timeout: said.timeout,
    memory: said.memorySize,
    storage: said.ephemeralStorage.size,
    environment: said.environment.variables,
    architecture: said.architectures[0] ?? null,
    logging: said.loggingConfig ? loggingOf(said) : null,
    publish: said.publish,
  };
}

async function read(lambda: LambdaClient, identity: Identity): Promise<Live | undefined> {
  const FunctionName = part(identity, 'function');
  const answer = await orAbsent(lambda.send(new GetFunctionCommand({ FunctionName })));
  const configuration = answer?.Configuration;
  if (!configuration) return undefined;
  const { FunctionArn = '', LastModified = '', CodeSha256 = '' } = configuration;
  return {
    fields: liveFields(configuration),
    outputs: {
      arn: FunctionArn,
      lastModified: LastModified,
      codeSha256: CodeSha256,
      version: await newestVersion(lambda, FunctionName),
    },
  };
}

/** `publish` is no property of a function there: it is not looked at. */
function liveFields(live: NonNullable<GetFunctionCommandOutput['Configuration']>): Record<string, Json> {
  const { LoggingConfig: logging, Architectures: architectures = [] } = live;
  return {
    code: live.CodeSha256 ?? null,
    description: live.Description ?? '',
    role: live.Role ?? null,
    handler: live.Handler ?? null,
    runtime: live.Runtime ?? null,
    timeout: live.Timeout ?? null,
    memory: live.MemorySize ?? null,
    storage: live.EphemeralStorage?.Size ?? null,
    environment: live.Environment?.Variables ?? {},
    architecture: architectures[0] ?? null,
    logging: logging ? { LogFormat: logging.LogFormat ?? null, LogGroup: logging.LogGroup ?? null } : null,
  };
}

async function create(lambda: LambdaClient, identity: Identity, said: Inputs): Promise<void> {
  const FunctionName = part(identity, 'function');
  const command = new CreateFunctionCommand({
    ...configurationOf(FunctionName, said),
    Code: { S3Bucket: said.s3Bucket, S3Key: said.s3Key },
    PackageType: said.packageType,
    Architectures: said.architectures as Architecture[],
    Publish: said.publish,
  });
  await lambda.send(command);
  await ready(lambda, FunctionName);
}

async function update(
  lambda: LambdaClient,
  identity: Identity,
  said: Inputs,
  changed: readonly string[],
): Promise<void> {
  const FunctionName = part(identity, 'function');
  await ready(lambda, FunctionName);
  if (changed.some((field) => !['code', 'architecture', 'publish'].includes(field))) {
    // Logs would go on to where they went.
    const isUnsaid = changed.includes('logging') && !said.loggingConfig;
    const logging = isUnsaid && { LoggingConfig: { LogFormat: 'Text' as const, LogGroup: ownLogs(FunctionName) } };
    const configuration = { ...configurationOf(FunctionName, said), ...logging };
    await lambda.send(new UpdateFunctionConfigurationCommand(configuration));
    await ready(lambda, FunctionName);
  }
  if (changed.includes('code') || changed.includes('architecture')) {
    const { s3Bucket: S3Bucket, s3Key: S3Key } = said;
    const Architectures = said.architectures as Architecture[];
    await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, S3Bucket, S3Key, Architectures }));
    await ready(lambda, FunctionName);
  }
  if (said.publish) await lambda.send(new PublishVersionCommand({ FunctionName }));
}

function configurationOf(FunctionName: string, said: Inputs) {
  return {
    FunctionName,
    Description: said.description,
    Role: said.role,
    Handler: said.handler,
    Runtime: said.runtime as Runtime,
    Timeout: said.timeout,
    MemorySize: said.memorySize,
    EphemeralStorage: { Size: said.ephemeralStorage.size },
    Environment: { Variables: said.environment.variables },
    ...(said.loggingConfig && { LoggingConfig: loggingOf(said) }),
  };
}

function loggingOf({ loggingConfig }: Inputs) {
  return {
    LogFormat: (loggingConfig?.logFormat ?? 'Text') as LogFormat,
    LogGroup: loggingConfig?.logGroup ?? '',
  };
}

/** A function that is still being made or changed refuses the next change. */
function ready(lambda: LambdaClient, FunctionName: string): Promise<void> {
  return until('the function to be ready', async () => {
    const { Configuration = {} } = await lambda.send(new GetFunctionCommand({ FunctionName }));
    const { State = 'Active', LastUpdateStatus = 'Successful', StateReason, LastUpdateStatusReason } = Configuration;
    if (State === 'Failed') throw new Error(`the endpoint cannot run it: ${StateReason}`);
    if (LastUpdateStatus === 'Failed') throw new Error(`the endpoint refused the update: ${LastUpdateStatusReason}`);
    return State !== 'Pending' && LastUpdateStatus !== 'InProgress' ? undefined : `${State}, ${LastUpdateStatus}`;
  });
}

/** `$LATEST` where none was published. */
async function newestVersion(lambda: LambdaClient, FunctionName: string): Promise<string> {
  let newest = 0;
  let Marker: string | undefined;
  do {
    const page = await lambda.send(new ListVersionsByFunctionCommand({ FunctionName, ...(Marker && { Marker }) }));
    const numbers = (page.Versions ?? []).map(({ Version }) => Number(Version)).filter(Number.isInteger);
    newest = Math.max(newest, ...numbers);
    Marker = page.NextMarker;
  } while (Marker);
  return newest === 0 ? '$LATEST' : String(newest);
}

function outputs(where: Where, identity: Identity, said: Inputs, live: Live | undefined, isChanging: boolean) {
  const name = part(identity, 'function');
  const arn = live?.outputs?.['arn'] || functionArn(where, name);
  const published = live?.outputs?.['version'] ?? '$LATEST';
  const next = String((Number(published) || 0) + 1);
  const version = said.publish && (isChanging || !live) ? next : published;
  const invoke = (of: string): string =>
    `arn:aws:apigateway:${where.region}:lambda:path/2015-03-31/functions/${of}/invocations`;
  return {
    ...said,
    name,
    id: name,
    arn,
    version,
    qualifiedArn: `${arn}:${version}`,
    invokeArn: invoke(arn),
    qualifiedInvokeArn: invoke(`${arn}:${version}`),
    lastModified: live?.outputs?.['lastModified'] ?? '',
    codeSha256: live?.outputs?.['codeSha256'] ?? '',
  };
}
