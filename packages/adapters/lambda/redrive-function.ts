import middy from '@middy/core';
import { QUEUES } from '@tmc/kernel/envelope.ts';
import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { configurationError } from '../fleet/config-error.ts';
import type { DeadLetter, Queue, Queues } from '../queue/queue.ts';
import { subjectOf } from '../queue/subject.ts';
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

/** `left` when there may be more of those that were asked for: the limit was reached, time ran out, or the queue refused some. */
export type RedriveAnswer =
  | { readonly redriven: number; readonly left?: true }
  | { readonly dead: readonly ListedLetter[] };

/** What is under way when no more are read is sent, removed and the rest released in this time. Chosen freely: some calls of the queue. */
const LAST_TURN_MS = 5_000;

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
  const handler = async (event: unknown, context: Context): Promise<RedriveAnswer> => {
    const request = requestSchema.safeParse(event);
    if (!request.success) throw configurationError('this request to redrive', request.error, event);
    const { queue, ids, list, limit } = request.data;
    const atMost = limit === undefined ? {} : { limit };
    if (list) return { dead: (await queues[queue].listDead(atMost)).map(listed) };
    const signal = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - LAST_TURN_MS));
    const { count, left } = await queues[queue].redrive({ ...atMost, ...(ids && { ids }), signal });
    const answer = { redriven: count, ...(left && { left }) };
    log.info({ queue, ...answer, outcome: 'done' }, 'dead letters sent again');
    return answer;
  };
  return middy<unknown, RedriveAnswer>({ timeoutEarlyInMillis: 0 })
    .use([...middlewares])
    .handler(handler) as unknown as LambdaHandler<unknown, RedriveAnswer>;
}

function listed({ id, group, reason, receiveCount, sentAtMs, body }: DeadLetter): ListedLetter {
  const { key } = subjectOf(body);
  const sentAt = new Date(sentAtMs).toISOString();
  return { id, group, reason, receiveCount, sentAt, ...(key === undefined ? {} : { key }) };
}
