import type { DeadLetter, Queue } from '@tmc/adapters/queue/queue.ts';
import { DEAD_LIST_LIMIT } from '@tmc/adapters/queue/queue.ts';
import { subjectOf } from '@tmc/adapters/queue/subject.ts';
import { connectQueues } from '@tmc/adapters/sqs/connect.ts';
import { isTmcError, messageOf, terminalError } from '@tmc/kernel/errors.ts';
import { type DeploymentAddresses, readDeployment } from './deployment.ts';
import { endpointOfQueues, localCredentials } from './endpoint.ts';

type Env = Readonly<Record<string, string | undefined>>;

export type RedriveOptions = {
  readonly deployment: string;
  /** Only these; all when absent. */
  readonly id?: readonly string[] | undefined;
  /** Only shows what is there. */
  readonly list: boolean;
  readonly json: boolean;
  readonly endpointUrl?: string | undefined;
};

type Ports = { readonly now: () => number; readonly write: (text: string) => void };

/**
 * `tmc redrive`: lists the dead letters of a deployment's queue, or sends them to the queue again, as new messages.
 * @returns the exit code: 1 when dead letters that were named, or found, could not all be sent.
 * @throws TmcError ConfigurationError when the deployment has no such queue, or its service refuses.
 */
export async function runRedrive(name: string, options: RedriveOptions, env: Env, ports: Ports): Promise<number> {
  const deployment = readDeployment(options.deployment);
  const urls = urlsOf(name, deployment, options.deployment);
  const endpoint =
    options.endpointUrl ?? (env['AWS_ENDPOINT_URL_SQS'] || env['AWS_ENDPOINT_URL'] || endpointOfQueues([urls.url]));
  const credentials = localCredentials(endpoint, env);
  const connection = connectQueues({
    region: deployment.region,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials }),
  });
  try {
    return await redrive(name, connection.queue(urls), options, ports);
  } catch (error) {
    throw refused(name, error);
  } finally {
    connection.close();
  }
}

function urlsOf(name: string, { queues, commandQueues }: DeploymentAddresses, path: string) {
  const all = new Map(Object.entries({ ...queues, ...prefixed(commandQueues) }));
  const urls = all.get(name);
  if (urls) return urls;
  throw terminalError(`the deployment ${path} has no queue ${name}`, {
    type: 'ConfigurationError',
    hint: `name one of ${[...all.keys()].join(', ')}`,
  });
}

const prefixed = <T>(byMember: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(byMember).map(([member, urls]) => [`commands-${member}`, urls]));

/** The part that knows no service: what is listed or sent, and what is said of it. */
export async function redrive(
  name: string,
  queue: Pick<Queue, 'listDead' | 'redrive'>,
  { id: ids, list, json }: Pick<RedriveOptions, 'id' | 'list' | 'json'>,
  { now, write }: Ports,
): Promise<number> {
  if (list) {
    const found = (await queue.listDead()).filter(({ id }) => !ids || ids.includes(id));
    const letters = found.map((letter) => shown(letter, now()));
    write(json ? `${JSON.stringify({ queue: name, deadLetters: letters })}\n` : listing(name, letters));
    return 0;
  }
  const { count: redriven, left } = await queue.redrive(ids ? { ids } : {});
  const isShort = left || (ids !== undefined && redriven < ids.length);
  const answer = { queue: name, redriven, ...(left && { left }) };
  write(json ? `${JSON.stringify(answer)}\n` : `${name}: ${outcome(redriven, ids)}${left ? LEFT : ''}\n`);
  return isShort ? 1 : 0;
}

/** A dead letter as it is shown: never its body, which may hold a tenant's data. */
type Shown = {
  readonly id: string;
  /** Key of the object, and what was told of it; absent where the message cannot be read. */
  readonly key?: string;
  readonly change?: string;
  readonly reason: string;
  readonly receives: number;
  /** Since it was sent: to the queue where SQS moved it, to the dead letters where a function parked it. */
  readonly ageS: number;
};

function shown({ id, body, reason, receiveCount, sentAtMs }: DeadLetter, nowMs: number): Shown {
  const ageS = Math.max(0, Math.round((nowMs - sentAtMs) / 1000));
  return { id, ...subjectOf(body), reason, receives: receiveCount, ageS };
}

function listing(name: string, letters: readonly Shown[]): string {
  if (letters.length === 0) return `${name}: no dead letters\n`;
  const more = letters.length === DEAD_LIST_LIMIT ? ', perhaps more' : '';
  const entries = letters.map(({ id, key, change, reason, receives, ageS }) => {
    const what = key === undefined ? 'a message that cannot be read' : `${change} ${key}`;
    return `${id}  ${what}\n  ${receives} receive(s), ${age(ageS)} old: ${reason}`;
  });
  return `${name}: ${letters.length} dead letter(s)${more}\n${entries.join('\n')}\n`;
}

function age(seconds: number): string {
  const [unit, length] = seconds < 120 ? ['s', 1] : seconds < 7_200 ? ['min', 60] : ['h', 3_600];
  return `${Math.round(seconds / Number(length))} ${unit}`;
}

const LEFT = '; the queue did not accept others, which are still there: try again in 30 s';

function outcome(redriven: number, ids: readonly string[] | undefined): string {
  if (ids === undefined) return `${redriven} dead letter(s) sent again`;
  const missing = ids.length - redriven;
  if (missing === 0) return `${redriven} dead letter(s) sent again`;
  return `${redriven} of ${ids.length} sent again; the others are not there, or somebody looks at them: try again in 30 s`;
}

/** The rights this needs, as the documentation lists them. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /AccessDenied|NotAuthorized/,
    'grant sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility on the dead letters and sqs:SendMessage on the queue',
  ],
  [/Credentials|InvalidClientTokenId|UnrecognizedClient|ExpiredToken/, 'check the AWS credentials of this shell'],
  [/NonExistentQueue|QueueDoesNotExist/, 'was this deployment removed? Name the file of one that exists'],
];

function refused(name: string, error: unknown): unknown {
  const causes = isTmcError(error) ? [error, error.cause] : [error];
  const names = causes.map((cause) => (cause instanceof Error ? cause.name : ''));
  const hint = HINTS.find(([pattern]) => names.some((one) => pattern.test(one)))?.[1];
  if (hint === undefined && isTmcError(error)) return error;
  return terminalError(`cannot redrive ${name}: ${messageOf(error)}`, {
    type: 'ConfigurationError',
    ...(hint !== undefined && { hint }),
    cause: error,
  });
}
