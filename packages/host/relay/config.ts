import { memberSchema, relayHubSchema } from '@tmc/adapters/fleet/config.ts';
import { configurationError } from '@tmc/adapters/fleet/config-error.ts';
import { QUEUES, type QueueName } from '@tmc/kernel/envelope.ts';
import * as z from 'zod';
import { shownSettings } from './config-shown.ts';
import { isPath, isRecord, parseRelaySettings, type RelaySettings } from './config-source.ts';

/** `relay.yaml`: everything a relay that runs alone needs to know. It reads one hub or one member, not both. */
const address = z.string().regex(/^[^:]+:\d{1,5}$/, 'an address host:port');
const text = z.string().min(1);
const milliseconds = z.number().int().positive();

/** Which queues each kind of relay sends to. */
export const QUEUES_OF = {
  hub: ['placement', 'sync', 'recovery'],
  member: ['status', 'recovery'],
} as const satisfies Record<string, readonly QueueName[]>;

const [kubernetesHub, kcpHub] = relayHubSchema.options;
/** One of the two: a path, or the text where no file can be had. */
const kubeconfig = {
  kubeconfig: text.refine(isPath, { message: 'a path; the text of a kubeconfig stands in kubeconfigData' }).optional(),
  kubeconfigData: text.optional(),
};
const hubSchema = z.discriminatedUnion('kind', [kubernetesHub.extend(kubeconfig), kcpHub.extend(kubeconfig)]);

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

const relaySchema = z.strictObject({
  /** Name of this relay in messages, logs and metrics. */
  name: text.max(253).optional(),
  hub: hubSchema.optional(),
  member: memberSchema.extend(kubeconfig).optional(),
  aws: z
    .strictObject({
      region: text,
      /** Fixed credentials, for local endpoints; without them those of the environment or of the machine's role are used. */
      credentials: z
        .strictObject({ accessKeyId: text, secretAccessKey: text, sessionToken: text.optional() })
        .optional(),
    })
    .prefault({} as never),
  queues: z
    .strictObject({
      /** URL of a service that speaks like SQS; AWS when absent. */
      endpoint: z.url({ error: 'a URL' }).optional(),
      /** URL of each queue: a hub relay needs placement, sync and recovery, a member relay status and recovery. */
      urls: z.partialRecord(z.enum(QUEUES), z.url({ error: 'a URL' })).prefault({}),
    })
    .prefault({}),
  table: z
    .strictObject({
      /** URL of a service that speaks like DynamoDB; AWS when absent. */
      endpoint: z.url({ error: 'a URL' }).optional(),
      name: text,
    })
    .prefault({} as never),
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
});

export type RelayProcessConfig = z.infer<typeof relaySchema>;

/** What else there is to say about settings, by whoever put them together. */
type CheckOptions = {
  /** Mistakes found before the settings could be put together; `shown` has what was received at their paths. */
  readonly issues?: readonly z.core.$ZodIssue[];
  readonly shown?: Readonly<Record<string, unknown>>;
  readonly hint?: string;
};

/**
 * Checks settings.
 * @throws TmcError ConfigurationError naming every problem with name, expectation and received value; credentials and kubeconfigs are
 * left out.
 */
export function checkRelaySettings(
  { input, from }: RelaySettings,
  { issues = [], shown = {}, hint }: CheckOptions = {},
): RelayProcessConfig {
  const parsed = relaySchema.safeParse(input);
  const all = [...issues, ...(parsed.error?.issues ?? []), ...relationIssues(input)];
  if (parsed.success && all.length === 0) return parsed.data;
  const received = shownSettings(input);
  const text = isRecord(received) ? { ...received, ...shown } : received;
  throw configurationError(from, new z.ZodError(all), text, { ...(hint !== undefined && { hint }) });
}

/** Checks the text of a config file; `path` names it in messages and is where relative paths start. @throws as {@link checkRelaySettings}. */
export function parseRelayConfig(content: string, path: string): RelayProcessConfig {
  return checkRelaySettings(parseRelaySettings(content, path));
}

/** What one setting says about another. Found whatever else is wrong, so that all problems are told at once. */
function relationIssues(input: unknown): z.core.$ZodIssue[] {
  if (!isRecord(input)) return [];
  const { hub, member } = input;
  const sides = [
    ...(isRecord(hub) ? [kubeconfigIssue('hub', hub)] : []),
    ...(isRecord(member) ? [kubeconfigIssue('member', member)] : []),
  ];
  if ((hub === undefined) === (member === undefined)) {
    return [issue([hub === undefined ? 'hub' : 'member'], 'one of hub and member, not both'), ...sides.flat()];
  }
  const urls = isRecord(input['queues']) && isRecord(input['queues']['urls']) ? input['queues']['urls'] : {};
  const missing = QUEUES_OF[hub === undefined ? 'member' : 'hub'].filter((queue) => urls[queue] === undefined);
  return [...sides.flat(), ...missing.map((queue) => issue(['queues', 'urls', queue], 'the URL of this queue'))];
}

function kubeconfigIssue(side: 'hub' | 'member', { kubeconfig, kubeconfigData }: Record<string, unknown>) {
  const isOne = (kubeconfig === undefined) !== (kubeconfigData === undefined);
  return isOne ? [] : [issue([side, 'kubeconfig'], 'one of kubeconfig and kubeconfigData')];
}

const issue = (path: string[], message: string): z.core.$ZodIssue => ({
  code: 'custom',
  path,
  message,
  input: undefined,
});
