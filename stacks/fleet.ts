import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import * as z from 'zod';
import type { EnvironmentValue } from './topology.ts';

/**
 * The fleet a deployment serves: `fleet.yaml`, or the file that `TMC_FLEET` names. It holds addresses and the names of secrets,
 * never a credential.
 */
const name = z.string().min(1).max(253);
/** Part of the names of queues and roles. */
const memberName = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/, 'at most 40 of a-z, 0-9 and -');

const connection = z
  .strictObject({
    url: z.url(),
    /** PEM of the authorities to trust; the system's when absent. */
    ca: z.string().optional(),
    /** Name or ARN of a secret of Secrets Manager that holds a bearer token. */
    secret: name.optional(),
    /** Name of a SecureString parameter of Systems Manager that holds a bearer token. */
    parameter: z.string().startsWith('/').optional(),
    /** Name of an EKS cluster whose access entries admit the function's role. */
    eks: name.optional(),
  })
  .refine(({ secret, parameter, eks }) => [secret, parameter, eks].filter(Boolean).length <= 1, {
    message: 'one of secret, parameter and eks',
  });

/** Somebody in particular: an account as a whole is `…:root`, and `*` would be everybody. */
const principal = z
  .string()
  .regex(/^arn:aws[a-z-]*:(iam|sts)::\d{12}:[^*?\s]+$/, 'the ARN of a role, a user or an account');

const trust = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('pod-identity') }),
  z.strictObject({ kind: z.literal('principal'), arn: principal, externalId: name.optional() }),
  z.strictObject({ kind: z.literal('oidc'), provider: name, subject: name, audience: name }),
]);

const epoch = z.number().int().nonnegative().default(0);

const hubRelay = z.strictObject({
  /** Who may take the role of the hub relay on, where it runs outside of this deployment. */
  trust: trust.optional(),
  /** Runs it as a service of this account; `configSecret`: ARN of the secret with its configuration. */
  service: z.strictObject({ image: name, configSecret: z.string().startsWith('arn:') }).optional(),
});

const hub = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('kubernetes'), workspace: name, connection, epoch, relay: hubRelay.optional() }),
  z.strictObject({
    kind: z.literal('kcp'),
    export: z.strictObject({ workspace: name, name }),
    connection,
    epoch,
    relay: hubRelay.optional(),
  }),
]);

const member = z.strictObject({
  name: memberName,
  syncTarget: z.strictObject({ workspace: name, name }),
  /** Of its SyncTarget, where the hub is kcp: it hashes the id of the workspace, which its name does not tell. */
  targetKey: name.optional(),
  connection,
  epoch,
  relay: z.strictObject({ trust: trust.optional() }).optional(),
});

const schema = z.strictObject({
  hub,
  members: z
    .array(member)
    .default([])
    .refine((all) => new Set(all.map((one) => one.name)).size === all.length, { message: 'names that differ' }),
});

export type FleetFile = z.infer<typeof schema>;
export type DeployedMember = FleetFile['members'][number];
export type ConnectionFile = z.infer<typeof connection>;
/** Who may take a role on; pod identity of EKS where nothing is said. */
export type Trust = z.infer<typeof trust>;

/** Reads and checks a fleet file. @throws Error naming the file and every problem in it. */
export function readFleet(path: string): FleetFile {
  return parseFleet(textOf(path), path);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const hint = 'write one after deploy/fleet.example.yaml, or name another by TMC_FLEET';
    throw new Error(`cannot read the fleet file ${path}: ${(error as Error).message}; ${hint}`, { cause: error });
  }
}

/** Checks the text of a fleet file; `path` names it in messages. */
export function parseFleet(text: string, path: string): FleetFile {
  const parsed = schema.safeParse(parse(text));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: at, message }) => `  ${at.join('.')}: ${message}`);
  throw new Error(`${path} is not a valid fleet:\n${problems.join('\n')}`);
}

/** What Lambda takes as the environment of a function: its JSON, in which the quotes of a value that is JSON itself are escaped. */
const ENVIRONMENT_BYTES = 4_096;
/** Of them for table, queues with their dead letters, and log level, at the longest addresses there are, but for the names below. */
const OTHER_BYTES = 970;
/** Names in them that begin with app and stage: of four queues, as many for dead letters, and of the table. */
const OTHER_NAMES = 9;
/** What Secrets Manager takes. */
const SECRET_BYTES = 65_536;

/**
 * The variables that tell a function its fleet, and the secret that holds the members when they are too many for a variable.
 * `installation`: `<app>/<stage>`, which the name of the secret begins with.
 * @throws Error saying what does not fit, and what to leave out.
 */
export function fleetEnvironment(
  { hub: { relay: _hubRelay, ...hubRest }, members }: FleetFile,
  installation: string,
): {
  readonly variables: Readonly<Record<'TMC_HUB' | 'TMC_MEMBERS', EnvironmentValue>>;
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
} {
  const hubText = JSON.stringify(hubRest);
  const list = members.map(({ relay: _relay, targetKey: _key, ...rest }) => rest);
  const listText = JSON.stringify(list);
  const secret = `${installation}/members`;
  const reference = JSON.stringify({ secret });
  const room = ENVIRONMENT_BYTES - OTHER_BYTES - OTHER_NAMES * installation.length;
  const isLarge = bytesOf(hubText) + bytesOf(listText) > room;
  checkSize('the hub', bytesOf(hubText), room - bytesOf(reference));
  if (isLarge) checkSize(`the list of ${members.length} members`, Buffer.byteLength(listText), SECRET_BYTES);
  return {
    variables: {
      TMC_HUB: { text: hubText },
      TMC_MEMBERS: { text: isLarge ? reference : listText },
    },
    secrets: isLarge ? [{ name: secret, value: listText }] : [],
  };
}

/** As a value of an environment counts. */
const bytesOf = (text: string): number => Buffer.byteLength(JSON.stringify(text));

function checkSize(what: string, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  const hint = 'leave `ca` away where the system trusts the authority, or name fewer clusters';
  throw new Error(`${what} of the fleet takes ${bytes} bytes as JSON, of which ${limit} fit: ${hint}`);
}
