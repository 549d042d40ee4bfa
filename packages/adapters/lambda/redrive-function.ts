import middy from '@middy/core';
import { envelopeSchema, QUEUES } from '@tmc/kernel/envelope.ts';
import { formatKey } from '@tmc/kernel/key.ts';
import * as z from 'zod';
import { configurationError } from '../fleet/config-error.ts';
import type { DeadLetter, Queue, Queues } from '../queue/queue.ts';
import type { LambdaHandler } from './start.ts';
import type { Log } from './telemetry.ts';

/** What to do with the dead letters of a queue: list them, or send them again: those of these ids, so many, or all. */
const requestSchema = z
  .strictObject({
    queue: z.enum(QUEUES),
    ids: z.array(z.string().min(1)).min(1).optional(),
    list: z.literal(true).optional(),
    limit: z.number().int().min(1).max(1_000).optional(),
  })
  .refine(({ ids, list, limit }) => ids === undefined || (list === undefined && limit === undefined), {
    message: 'ids alone: with them neither list nor limit',
    path: ['ids'],
  });

/** A dead letter without its body, which may hold an object of a user. */
type ListedLetter = {
  readonly id: string;
  readonly group: string;
  readonly reason: string;
  readonly receiveCount: number;
  /** RFC 3339. */
  readonly sentAt: string;
  /** Of the object the message is about; absent when the message cannot be read. */
  readonly key?: string;
};

export type RedriveAnswer = { readonly redriven: number } | { readonly dead: readonly ListedLetter[] };

type RedriveOptions = {
  readonly queues: Readonly<Record<keyof Queues, Pick<Queue, 'listDead' | 'redrive'>>>;
  readonly log: Log;
  readonly middlewares?: readonly middy.MiddlewareObj[];
};

/**
 * A Lambda function for operators that lists dead letters or sends them again.
 * @throws TmcError ConfigurationError naming everything that is wrong with the request.
 */
export function redriveFunction({
  queues,
  log,
  middlewares = [],
}: RedriveOptions): LambdaHandler<unknown, RedriveAnswer> {
  const handler = async (event: unknown): Promise<RedriveAnswer> => {
    const request = requestSchema.safeParse(event);
    if (!request.success) throw configurationError('this request to redrive', request.error, event);
    const { queue, ids, list, limit } = request.data;
    const dead = list || limit !== undefined ? await queues[queue].listDead(limit === undefined ? {} : { limit }) : [];
    if (list) return { dead: dead.map(listed) };
    const redriven = await redrive(queues[queue], limit === undefined ? ids : dead.map(({ id }) => id));
    log.info({ queue, redriven, outcome: 'done' }, 'dead letters sent again');
    return { redriven };
  };
  return middy<unknown, RedriveAnswer>({ timeoutEarlyInMillis: 0 })
    .use([...middlewares])
    .handler(handler) as unknown as LambdaHandler<unknown, RedriveAnswer>;
}

/** All of them without ids. */
async function redrive(queue: Pick<Queue, 'redrive'>, ids: readonly string[] | undefined): Promise<number> {
  if (ids?.length === 0) return 0;
  return queue.redrive(ids === undefined ? {} : { ids });
}

function listed({ id, group, reason, receiveCount, sentAtMs, body }: DeadLetter): ListedLetter {
  const key = keyIn(body);
  const sentAt = new Date(sentAtMs).toISOString();
  return { id, group, reason, receiveCount, sentAt, ...(key === undefined ? {} : { key }) };
}

function keyIn(body: string): string | undefined {
  try {
    const envelope = envelopeSchema.safeParse(JSON.parse(body));
    return envelope.success ? formatKey(envelope.data.key) : undefined;
  } catch {
    return undefined;
  }
}
