import type { QueueName } from '@tmc/kernel/envelope.ts';

type QueueUrls = { readonly url: string; readonly deadLetterUrl: string };

/**
 * What a deployment is called where it runs: names and addresses that relays, the command line and tests need. `sst deploy` prints
 * it and leaves it in `.sst/outputs.json`; a deployment to an endpoint leaves it in `.tmc/deployments/<app>-<stage>.json`.
 */
export type Deployment = {
  readonly stage: string;
  readonly region: string;
  readonly table: string;
  readonly queues: Readonly<Record<QueueName, QueueUrls>>;
  /** By member. */
  readonly commandQueues: Readonly<Record<string, QueueUrls>>;
  /** Physical names, by the names of the topology. */
  readonly functions: Readonly<Record<string, string>>;
  /** ARNs of the roles for relays: `hub-relay` and `relay-<member>`. */
  readonly roles: Readonly<Record<string, string>>;
  readonly apiUrl: string;
};
