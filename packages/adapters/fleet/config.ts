import * as z from 'zod';

/**
 * Which hub and which members there are. The same description stands in `tmc.yaml` for the embedded host and, as JSON, in the
 * environment of a function.
 */

const name = z.string().min(1).max(253);
const kubeconfig = {
  /** Path of a kubeconfig file; relative paths start at the config file's folder. */
  kubeconfig: z.string().min(1),
  /** Context in it; its current context when absent. */
  context: z.string().min(1).optional(),
};

/**
 * To be raised by one when a server's resourceVersions start over (it was restored from a backup, or made anew): what was
 * recorded before then counts as older, whatever its number.
 */
const epoch = z.number().int().nonnegative().default(0);

const kubernetesHub = z.strictObject({
  kind: z.literal('kubernetes'),
  ...kubeconfig,
  /** Name of the one workspace a plain API server stands for. */
  workspace: name.default('default'),
  epoch,
  /** Create or update our CustomResourceDefinitions at start. */
  installApis: z.boolean().default(true),
});

const kcpHub = z.strictObject({
  kind: z.literal('kcp'),
  ...kubeconfig,
  export: z
    .strictObject({ workspace: name.default('root:tmc'), name: name.default('tmc.kcp.io') })
    .default({ workspace: 'root:tmc', name: 'tmc.kcp.io' }),
  epoch,
  /** Create or update workspace, schemas, export, rights and workspace type at start; needs an administrator's kubeconfig. */
  installApis: z.boolean().default(false),
});

export const memberSchema = z.strictObject({
  /** Name of the member cluster, as pods see it in PHYSICAL_CLUSTER. */
  name,
  ...kubeconfig,
  /** The SyncTarget this member answers for: who is bound to whom is configured here, not claimed by an object. */
  syncTarget: z.strictObject({ workspace: name, name }),
  epoch,
});

type MemberConfig = z.infer<typeof memberSchema>;

/** Two relays of one name, or two members for one SyncTarget, would not be told apart. One member cluster may stand twice. */
const members = z
  .array(memberSchema)
  .refine((all) => isUnique(all, (member) => member.name), {
    message: 'names that differ; the same cluster may stand under several',
  })
  .refine((all) => isUnique(all, ({ syncTarget }) => `${syncTarget.workspace}/${syncTarget.name}`), {
    message: 'one member for a SyncTarget',
  });

function isUnique(all: readonly MemberConfig[], identity: (member: MemberConfig) => string): boolean {
  return new Set(all.map(identity)).size === all.length;
}

/** The hub of a relay that runs alone: it installs nothing. */
export const relayHubSchema = z.discriminatedUnion('kind', [
  kubernetesHub.omit({ installApis: true }),
  kcpHub.omit({ installApis: true }),
]);

export const fleetSchema = z.strictObject({
  hub: z.discriminatedUnion('kind', [kubernetesHub, kcpHub]),
  members: members.default([]),
});

export type FleetConfig = z.infer<typeof fleetSchema>;
