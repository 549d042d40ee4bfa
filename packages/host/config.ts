import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fleetSchema } from '@tmc/adapters/fleet/config.ts';
import { configurationError } from '@tmc/adapters/fleet/config-error.ts';
import { parseUserYaml } from '@tmc/adapters/kube/user-yaml.ts';
import { messageOf, terminalError } from '@tmc/kernel/errors.ts';
import * as z from 'zod';

/** `tmc.yaml`: everything the embedded host needs to know. */
const address = z.string().regex(/^[^:]+:\d{1,5}$/, 'an address host:port');

const hostSchema = fleetSchema.extend({
  state: z
    .strictObject({
      /** SQLite file for table and queues; `:memory:` keeps them in memory and forgets them at exit. */
      path: z.string().min(1).default('.tmc/state.db'),
    })
    .default({ path: '.tmc/state.db' }),
  listen: z
    .strictObject({
      /** Serves /healthz, /readyz and /health. */
      health: address.default('127.0.0.1:8081'),
      /** Serves /metrics. */
      metrics: address.default('127.0.0.1:8080'),
    })
    .default({ health: '127.0.0.1:8081', metrics: '127.0.0.1:8080' }),
  heartbeat: z
    .strictObject({
      /** A member relay that has nothing to say says so this often. */
      intervalMs: z.number().int().min(100).default(4_000),
      /** A target is not ready when nothing was heard of it for longer than this. */
      thresholdMs: z.number().int().min(500).default(10_000),
    })
    .refine((h) => h.thresholdMs > h.intervalMs, {
      message: 'thresholdMs greater than intervalMs',
      path: ['thresholdMs'],
    })
    .default({ intervalMs: 4_000, thresholdMs: 10_000 }),
  /** Value of `workload.kcp.io/source-cluster` on copies. */
  sourceClusterName: z.string().min(1).default('kcp-virtual'),
  log: z
    .strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .default({ level: 'info' }),
});

export type HostConfig = z.infer<typeof hostSchema>;

/**
 * Reads and checks a config file; relative paths in it start at its folder.
 * @throws TmcError ConfigurationError naming every problem with name, expectation and received value.
 */
export function loadHostConfig(path: string): HostConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw terminalError(`cannot read the configuration ${path}: ${messageOf(error)}`, {
      type: 'ConfigurationError',
      hint: 'give the path of a file: npm start -- --config tmc.yaml',
      cause: error,
    });
  }
  return parseHostConfig(text, path);
}

/** Checks the text of a config file; `path` names it in messages and is where relative paths start. */
export function parseHostConfig(text: string, path: string): HostConfig {
  let input: unknown;
  try {
    input = parseUserYaml(text);
  } catch (error) {
    throw terminalError(`${path}: ${messageOf(error)}`, { type: 'ConfigurationError', hint: 'mend the line named' });
  }
  const parsed = hostSchema.safeParse(input);
  if (!parsed.success) throw configurationError(path, parsed.error, input);
  return withAbsolutePaths(parsed.data, dirname(resolve(path)));
}

function withAbsolutePaths(config: HostConfig, folder: string): HostConfig {
  const absolute = (path: string) => resolve(folder, path);
  return {
    ...config,
    hub: { ...config.hub, kubeconfig: absolute(config.hub.kubeconfig) },
    members: config.members.map((member) => ({ ...member, kubeconfig: absolute(member.kubeconfig) })),
    state: { path: config.state.path === ':memory:' ? ':memory:' : absolute(config.state.path) },
  };
}
