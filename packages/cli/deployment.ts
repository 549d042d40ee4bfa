import { readFileSync } from 'node:fs';
import { configurationError } from '@tmc/adapters/fleet/config-error.ts';
import { messageOf, terminalError } from '@tmc/kernel/errors.ts';
import * as z from 'zod';
import type { Deployment } from '../../stacks/outputs.ts';

const queue = z.object({ url: z.url(), deadLetterUrl: z.url() });

/** What this program needs of a deployment; the rest is for others. */
const schema = z.object({
  stage: z.string(),
  region: z.string(),
  table: z.string(),
  queues: z.object({ placement: queue, sync: queue, status: queue, recovery: queue }),
  commandQueues: z.record(z.string(), queue),
});

export type DeploymentAddresses = Pick<Deployment, 'stage' | 'region' | 'table' | 'queues' | 'commandQueues'>;

const HINT =
  'name the file a deployment left: .tmc/deployments/<app>-<stage>.json of an endpoint, .sst/outputs.json of sst deploy';

/** Reads the addresses of a deployment. @throws TmcError ConfigurationError when the file cannot be read or is none of a deployment. */
export function readDeployment(path: string): DeploymentAddresses {
  const input = contentOf(path);
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw configurationError(`the deployment ${path}`, parsed.error, input, { hint: HINT });
}

function contentOf(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'it is not JSON' : messageOf(error);
    throw terminalError(`cannot read the deployment ${path}: ${reason}`, {
      type: 'ConfigurationError',
      hint: HINT,
      cause: error,
    });
  }
}
