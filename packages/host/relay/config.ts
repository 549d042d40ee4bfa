import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { memberSchema, relayHubSchema } from '@tmc/adapters/fleet/config.ts';
import { configurationError } from '@tmc/adapters/fleet/config-error.ts';
import { parseUserYaml } from '@tmc/adapters/kube/user-yaml.ts';
import { QUEUES, type QueueName } from '@tmc/kernel/envelope.ts';
import { messageOf, terminalError } from '@tmc/kernel/errors.ts';
import * as z from 'zod';

/** `relay.yaml`: everything a relay that runs alone needs to know. It reads one hub or one member, not both. */
const address = z.string().regex(/^[^:]+:\d{1,5}$/, 'an address host:port');
const text = z.string().min(1);
const milliseconds = z.number().int().positive();

/** Which queues each kind of relay sends to. */
export const QUEUES_OF = {
  hub: ['placement', 'sync', 'recovery'],
  member: ['status', 'recovery'],
} as const satisfies Record<string, readonly QueueName[]>;

const electionSchema = z
  .strictObject({
    /** Whether this relay shares its source with another one and only the elected one works. */
    enabled: z.boolean().default(false),
    /** A leader that is silent for so long is followed. */
    leaseMs: milliseconds.default(15_000),
    /** A leader that could not renew for so long stops by itself; less than leaseMs. */
    renewDeadlineMs: milliseconds.default(10_000),
    /** Pause between looks at the lease; less than renewDeadlineMs. */
    retryMs: milliseconds.default(2_000),
  })
  .refine((e) => e.retryMs < e.renewDeadlineMs && e.renewDeadlineMs < e.leaseMs, {
    message: 'retryMs less than renewDeadlineMs less than leaseMs',
  });

const relaySchema = z
  .strictObject({
    /** Name of this relay in messages, logs and metrics. */
    name: text.max(253).optional(),
    hub: relayHubSchema.optional(),
    member: memberSchema.optional(),
    aws: z.strictObject({
      region: text,
      /** Fixed credentials, for local endpoints; without them those of the environment or of the machine's role are used. */
      credentials: z
        .strictObject({ accessKeyId: text, secretAccessKey: text, sessionToken: text.optional() })
        .optional(),
    }),
    queues: z.strictObject({
      /** URL of a service that speaks like SQS; AWS when absent. */
      endpoint: z.url().optional(),
      /** URL of each queue: a hub relay needs placement, sync and recovery, a member relay status and recovery. */
      urls: z.partialRecord(z.enum(QUEUES), z.url()),
    }),
    table: z.strictObject({
      /** URL of a service that speaks like DynamoDB; AWS when absent. */
      endpoint: z.url().optional(),
      name: text,
    }),
    /** Sign of life of a member relay; readiness expects one each minute. */
    heartbeatMs: z.number().int().min(100).max(30_000).default(10_000),
    /** Mean time between two complete comparisons with the server; 0 never compares. */
    antiEntropyMs: z
      .number()
      .int()
      .nonnegative()
      .default(20 * 60_000),
    /** Kinds whose complete lists are told key by key after a start; a hub's control kinds unless this says all. */
    listMarks: z.enum(['control', 'all']).optional(),
    outbox: z
      .strictObject({
        /** Bytes of messages that wait or travel; above, nothing more is read. */
        maxBytes: z
          .number()
          .int()
          .min(64 * 1024)
          .default(8 * 1024 * 1024),
        /** Sends at a time. */
        maxInFlight: z.number().int().min(1).max(50).default(50),
        /** How long a batch that is not full waits while another travels. */
        lingerMs: z.number().int().min(0).max(10).default(10),
      })
      .prefault({}),
    election: electionSchema.prefault({}),
    listen: z
      .strictObject({
        /** Serves /healthz, /readyz and /health. */
        health: address.default('127.0.0.1:8081'),
        /** Serves /metrics. */
        metrics: address.default('127.0.0.1:8080'),
      })
      .prefault({}),
    /** How long a stop may take: for messages on their way, then for checkpoints. */
    drainMs: milliseconds.max(600_000).default(10_000),
    log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') }).prefault({}),
  })
  .superRefine(({ hub, member, queues }, context) => {
    if ((hub === undefined) === (member === undefined)) {
      context.addIssue({ code: 'custom', path: [hub ? 'member' : 'hub'], message: 'one of hub and member, not both' });
      return;
    }
    for (const queue of QUEUES_OF[hub ? 'hub' : 'member']) {
      if (queues.urls[queue] !== undefined) continue;
      context.addIssue({ code: 'custom', path: ['queues', 'urls', queue], message: 'the URL of this queue' });
    }
  });

export type RelayProcessConfig = z.infer<typeof relaySchema>;

/**
 * Reads and checks a config file; relative paths in it start at its folder.
 * @throws TmcError ConfigurationError naming every problem with name, expectation and received value, credentials left out.
 */
export function loadRelayConfig(path: string): RelayProcessConfig {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw terminalError(`cannot read the configuration ${path}: ${messageOf(error)}`, {
      type: 'ConfigurationError',
      hint: 'give the path of a file: --config relay.yaml',
      cause: error,
    });
  }
  return parseRelayConfig(content, path);
}

/** Checks the text of a config file; `path` names it in messages and is where relative paths start. */
export function parseRelayConfig(content: string, path: string): RelayProcessConfig {
  let input: unknown;
  try {
    input = parseUserYaml(content);
  } catch (error) {
    throw terminalError(`${path}: ${messageOf(error)}`, { type: 'ConfigurationError', hint: 'mend the line named' });
  }
  const parsed = relaySchema.safeParse(input);
  if (!parsed.success) throw configurationError(path, parsed.error, withoutCredentials(input));
  const absolute = (file: string) => resolve(dirname(resolve(path)), file);
  const { hub, member, ...rest } = parsed.data;
  return {
    ...rest,
    ...(hub && { hub: { ...hub, kubeconfig: absolute(hub.kubeconfig) } }),
    ...(member && { member: { ...member, kubeconfig: absolute(member.kubeconfig) } }),
  };
}

/** What was received, for messages: a credential of the wrong form must not be shown. */
function withoutCredentials(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || !('aws' in input)) return input;
  const { aws } = input;
  if (typeof aws !== 'object' || aws === null || !('credentials' in aws)) return input;
  const { credentials } = aws;
  const shown =
    typeof credentials === 'object' && credentials !== null
      ? Object.fromEntries(Object.keys(credentials).map((name) => [name, 'a value that is not shown']))
      : 'a value that is not shown';
  return { ...input, aws: { ...aws, credentials: shown } };
}
