import { QUEUES } from '@tmc/kernel/envelope.ts';
import * as z from 'zod';
import { configurationError } from '../fleet/config-error.ts';

/**
 * The environment of each function: what it reads, in which form. Structured values are JSON, as the deployment writes them. A
 * function never reads a kubeconfig: parsing one costs its start.
 */
const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context) => {
      const value = parsed(text);
      if (value !== undefined) return value as unknown;
      context.addIssue({ code: 'custom', message: 'JSON' });
      return z.NEVER;
    })
    .pipe(schema);

const name = z.string().min(1);
/** Where a token comes from: put there by the deployment, a file that others renew, or fetched by the function when it needs it. */
const SOURCES = ['token', 'tokenFile', 'secret', 'parameter', 'eks'] as const;
const connection = z
  .strictObject({
    url: z.url({ error: 'a URL' }),
    /** PEM of the authorities to trust; the system's when absent. */
    ca: z.string().optional(),
    token: name.optional(),
    tokenFile: name.optional(),
    /** Name or ARN of a secret of Secrets Manager. */
    secret: name.optional(),
    /** Name of a SecureString parameter of Systems Manager. */
    parameter: name.optional(),
    /** Name of an EKS cluster whose access entries admit this function's role. */
    eks: name.optional(),
  })
  .refine((given) => SOURCES.filter((source) => given[source] !== undefined).length <= 1, {
    message: `at most one of ${SOURCES.join(', ')}`,
    // Also beside other faults: all of them are told at once.
    when: ({ value }) => typeof value === 'object' && value !== null,
  });

/** Raised when the server's resourceVersions start over. */
const epoch = z.number().int().nonnegative().default(0);

const hub = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('kubernetes'), workspace: name, connection, epoch }),
  z.strictObject({
    kind: z.literal('kcp'),
    export: z.strictObject({ workspace: name, name }),
    connection,
    epoch,
  }),
]);

const members = z.array(
  z.strictObject({ name, syncTarget: z.strictObject({ workspace: name, name }), connection, epoch }),
);

/** A list too long for an environment is the value of a secret. */
const secretOf = z.strictObject({ secret: name });

/** Not a union: its faults would be those of both sides. */
const membersOrSecret = z.unknown().transform((value, context) => {
  const isReference = typeof value === 'object' && value !== null && !Array.isArray(value);
  const { data, error } = (isReference ? secretOf : members).safeParse(value);
  for (const issue of error?.issues ?? []) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
  return data ?? z.NEVER;
});

const queue = z.strictObject({ url: name, deadLetterUrl: name });

const HUB = { TMC_HUB: json(hub) };
const MEMBERS = { TMC_MEMBERS: json(membersOrSecret) };
const TABLE = { TMC_TABLE: name };
const QUEUE_URLS = { TMC_QUEUES: json(z.record(z.enum(QUEUES), queue)) };
const LOG = {
  POWERTOOLS_LOG_LEVEL: z.enum(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'CRITICAL', 'SILENT']).default('INFO'),
};

/** By function; the names are those of the files in `functions/`. Nothing else of its environment is read by our own code. */
const ENVIRONMENTS = {
  place: z.object({ ...HUB, ...TABLE, ...QUEUE_URLS, ...LOG }),
  'sync-down': z.object({ ...HUB, ...MEMBERS, ...TABLE, ...QUEUE_URLS, ...LOG }),
  'sync-up': z.object({ ...HUB, ...MEMBERS, ...TABLE, ...QUEUE_URLS, ...LOG }),
  recover: z.object({ ...HUB, ...TABLE, ...QUEUE_URLS, ...LOG }),
  sweep: z.object({ ...HUB, ...TABLE, ...LOG }),
  redrive: z.object({ ...QUEUE_URLS, ...LOG }),
  api: z.object({ ...TABLE, ...QUEUE_URLS, ...LOG }),
};

export type FunctionName = keyof typeof ENVIRONMENTS;
export type Environment<Name extends FunctionName> = z.infer<(typeof ENVIRONMENTS)[Name]>;
export type HubSettings = z.infer<typeof hub>;
export type MemberSettings = z.infer<typeof members>[number];
export type ConnectionSettings = z.infer<typeof connection>;

/** Every function there is. */
export const FUNCTION_NAMES = Object.keys(ENVIRONMENTS) as FunctionName[];

/** The variables a function reads, sorted. */
export function variablesOf(name: FunctionName): string[] {
  return Object.keys(ENVIRONMENTS[name].shape).sort();
}

/**
 * The environment of a function, checked.
 * @throws TmcError ConfigurationError naming every variable, and every setting inside its JSON, that is missing or wrong, without values.
 */
export function readEnvironment<Name extends FunctionName>(
  name: Name,
  env: Readonly<Record<string, string | undefined>>,
): Environment<Name> {
  const read = ENVIRONMENTS[name].safeParse(env);
  if (read.success) return read.data as Environment<Name>;
  const input = Object.fromEntries(Object.entries(env).map(([key, text]) => [key, parsed(text) ?? text]));
  throw configurationError(`the environment of function ${name}`, read.error, input, { show: formOf });
}

/** The members that a secret lists; `secret` names it in messages. @throws TmcError ConfigurationError like {@link readEnvironment}. */
export function parseMembers(text: string, secret: string): readonly MemberSettings[] {
  const read = json(members).safeParse(text);
  if (read.success) return read.data;
  throw configurationError(`secret ${secret}`, read.error, parsed(text) ?? text, { show: formOf });
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

/** What a value is, without saying it: any of them may be a credential that was put in the wrong place. */
function formOf(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : `a text of ${value.length} character(s)`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return value === null ? 'null' : `a${typeof value === 'object' ? 'n object' : ` ${typeof value}`}`;
}
