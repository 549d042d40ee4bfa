import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { systemClock } from '@tmc/kernel/clock.ts';
import { QUEUES } from '@tmc/kernel/envelope.ts';
import { randomIds } from '@tmc/kernel/ids.ts';
import * as z from 'zod';
import { createDynamoTable } from '../dynamo/table.ts';
import { configurationError } from '../fleet/config-error.ts';
import { connectFleet, type FleetPlan } from '../fleet/connect.ts';
import { bearerToken, type KubeConnection, tokenFile } from '../kube/connection.ts';
import type { Queues } from '../queue/queue.ts';
import { createSender } from '../queue/send.ts';
import { createSqsQueue } from '../sqs/queue.ts';
import type { FunctionRuntime } from './runtime.ts';
import type { SqsFunction } from './sqs-function.ts';
import type { Log, Meter } from './telemetry.ts';

/** The environment of a function; structured values are JSON. A function never reads a kubeconfig: parsing one costs its start. */
const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);

const connection = z.strictObject({
  url: z.url(),
  ca: z.string().optional(),
  /** A file that others renew, or the token itself, put there by the deployment from its secret store. */
  tokenFile: z.string().optional(),
  token: z.string().optional(),
});

/** Raised when the server's resourceVersions start over. */
const epoch = z.number().int().nonnegative().default(0);

const environmentSchema = z.object({
  TMC_HUB: json(
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('kubernetes'), workspace: z.string(), connection, epoch }),
      z.strictObject({
        kind: z.literal('kcp'),
        export: z.strictObject({ workspace: z.string(), name: z.string() }),
        connection,
        epoch,
      }),
    ]),
  ),
  TMC_MEMBERS: json(
    z.array(
      z.strictObject({
        name: z.string(),
        syncTarget: z.strictObject({ workspace: z.string(), name: z.string() }),
        connection,
        epoch,
      }),
    ),
  ),
  TMC_TABLE: z.string().min(1),
  TMC_QUEUES: json(
    z.record(z.enum(QUEUES), z.strictObject({ url: z.string().min(1), deadLetterUrl: z.string().min(1) })),
  ),
  TMC_SOURCE_CLUSTER: z.string().default('kcp-virtual'),
  TMC_HEARTBEAT_THRESHOLD_MS: z.coerce.number().int().positive().default(15_000),
});

type Environment = z.infer<typeof environmentSchema>;

/**
 * A Lambda handler that wires its function at the first invocation from the environment and keeps it.
 * @throws TmcError ConfigurationError naming every variable that is missing or wrong.
 */
export function handlerFromEnvironment(make: (runtime: FunctionRuntime) => SqsFunction): SqsFunction {
  let wired: Promise<SqsFunction> | undefined;
  return async (event, context) => {
    wired ??= runtimeFrom(process.env).then(make);
    return (await wired)(event, context);
  };
}

async function runtimeFrom(env: NodeJS.ProcessEnv): Promise<FunctionRuntime> {
  const parsed = environmentSchema.safeParse(env);
  if (!parsed.success) throw configurationError('the environment of this function', parsed.error, env);
  const config = parsed.data;
  const logger = new Logger({ serviceName: 'tmc' });
  const metrics = new Metrics({ namespace: 'ServerlessTMC', serviceName: 'tmc' });
  const documents = DynamoDBDocumentClient.from(new DynamoDBClient({}));
  const sqs = new SQSClient({});
  const queues = Object.fromEntries(
    Object.entries(config.TMC_QUEUES).map(([name, urls]) => [name, createSqsQueue({ client: sqs, name, ...urls })]),
  ) as unknown as Queues;
  const fleet = await connectFleet(planOf(config), { clock: systemClock });
  return {
    ...fleet,
    table: createDynamoTable({ client: documents, tableName: config.TMC_TABLE }),
    queues,
    send: createSender(queues),
    clock: systemClock,
    ids: randomIds,
    random: Math.random,
    log: logOf(logger),
    meter: meterOf(metrics),
    settings: {
      sourceClusterName: config.TMC_SOURCE_CLUSTER,
      epoch: fleet.epoch,
      heartbeatThresholdMs: config.TMC_HEARTBEAT_THRESHOLD_MS,
    },
    middlewares: [injectLambdaContext(logger), logMetrics(metrics, { captureColdStartMetric: true })],
  };
}

function planOf({ TMC_HUB: hub, TMC_MEMBERS: members }: Environment): FleetPlan {
  return {
    hub: { ...hub, connection: connectionOf(hub.connection) },
    members: members.map((member) => ({ ...member, connection: connectionOf(member.connection) })),
  };
}

function connectionOf({ url, ca, token, tokenFile: path }: z.infer<typeof connection>): KubeConnection {
  const authorization = path ? tokenFile(path) : token ? bearerToken(token) : undefined;
  return {
    url,
    ...(ca ? { ca } : {}),
    ...(authorization ? { authorization } : {}),
    ...(path ? { credentials: { kind: 'token-file', path } } : {}),
  };
}

function logOf(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.debug(message, fields),
    info: (fields, message) => logger.info(message, fields),
    warn: (fields, message) => logger.warn(message, fields),
    error: (fields, message) => logger.error(message, fields),
  };
}

/** Embedded metrics: the label values become one dimension set, so labels must stay few. */
function meterOf(metrics: Metrics): Meter {
  const add = (name: string, labels: Record<string, string>, unit: 'Count' | 'Seconds', value: number) => {
    const single = metrics.singleMetric();
    single.addDimensions(labels);
    single.addMetric(name, unit, value);
  };
  return {
    count: (name, labels, by = 1) => add(name, labels, 'Count', by),
    observe: (name, labels, value) => add(name, labels, 'Seconds', value),
  };
}
