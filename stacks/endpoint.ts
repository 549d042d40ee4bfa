import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { type Clients, connect } from './endpoint/clients.ts';
import { isUnreachable, reasonOf } from './endpoint/failure.ts';
import type { Where } from './endpoint/kind.ts';
import { allKinds } from './endpoint/kinds/all.ts';
import { type Change, Reconciler } from './endpoint/reconcile.ts';
import { DeploymentRecord } from './endpoint/record.ts';
import { recordOnS3 } from './endpoint/record-s3.ts';
import type { Deployment } from './outputs.ts';

export type { Change };

/** Which deployment, where. */
export type EndpointOptions = {
  readonly endpoint: string;
  readonly app: string;
  readonly stage: string;
  readonly region: string;
  /** Holds AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, except for an emulator on this machine. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Says what would be done and changes nothing. */
  readonly isDry: boolean;
  /** Called for each resource, as soon as it is dealt with. */
  readonly onChange: (change: Change) => void;
};

type DeployOptions = EndpointOptions & {
  /** Path of the fleet file. */
  readonly fleet: string;
  /** Folder for the archives with code. */
  readonly artifacts: string;
};

/**
 * Puts the program of `sst.config.ts` on an AWS-compatible endpoint: creates what is missing, updates what differs, removes what an
 * earlier run made and the program no longer has. Once per process, since Pulumi keeps state.
 * @throws Error naming the resource, what was attempted and what to change; the next run continues where this one ended.
 */
export async function deployToEndpoint(
  options: DeployOptions,
): Promise<{ readonly changes: readonly Change[]; readonly deployment: Deployment }> {
  const { app, stage, region, fleet, artifacts } = options;
  const { reconciler, where } = await open(options);
  const { evaluate } = await import('./evaluate.ts');
  // What was under way when something failed fails too, in promises of Pulumi that nobody waits for: the first failure is thrown below.
  const ignore = (): void => undefined;
  process.on('unhandledRejection', ignore);
  try {
    const newResource = reconciler.resource.bind(reconciler);
    const program = { app, stage, region, fleet, artifacts, account: where.account, newResource };
    const deployment = await evaluate(program);
    await reconciler.finish();
    return { changes: reconciler.changes, deployment };
  } catch (error) {
    await reconciler.comeToRest();
    // Those that came with this one are told of before the next turn.
    await nextTurn();
    throw reconciler.failure ?? error;
  } finally {
    process.off('unhandledRejection', ignore);
  }
}

/** Removes everything that deployments of this app and stage made on the endpoint, and nothing else. `found`: there was one. */
export async function removeFromEndpoint(
  options: EndpointOptions,
): Promise<{ readonly changes: readonly Change[]; readonly found: boolean }> {
  const { reconciler, found } = await open(options);
  await reconciler.removeEverything();
  return { changes: reconciler.changes, found };
}

async function open({ endpoint, app, stage, region, environment, isDry, onChange }: EndpointOptions) {
  const clients = connect(endpoint, region, environment);
  const account = await accountOf(clients, endpoint);
  const bucket = bucketOf({ app, stage, region, account });
  const where: Where = { app, stage, account, region, endpoint: endpoint.replace(/\/$/, ''), bucket };
  const record = await DeploymentRecord.load(recordOnS3(clients.s3, where), { app, stage, run: randomUUID() });
  return {
    where,
    found: record.existed,
    reconciler: new Reconciler({ kinds: allKinds(clients, where), record, isDry, onChange }),
  };
}

/** Also finds out whether anything answers. */
async function accountOf({ sts }: Clients, endpoint: string): Promise<string> {
  try {
    const { Account } = await sts.send(new GetCallerIdentityCommand({}));
    if (Account) return Account;
  } catch (cause) {
    if (!isUnreachable(cause)) throw new Error(`cannot ask ${endpoint} for the account: ${reasonOf(cause)}`, { cause });
    throw new Error(`nothing answers at ${endpoint}. ${HOW_TO_START}`, { cause });
  }
  throw new Error(`${endpoint} does not say which account it is: it is no AWS-compatible endpoint`);
}

const HOW_TO_START =
  'Start MiniStack (npm run emulator -- start ministack) or LocalStack (docker run --rm -p 127.0.0.1:4566:4566 ' +
  '-v /var/run/docker.sock:/var/run/docker.sock localstack/localstack:4.14.0), or set AWS_ENDPOINT_URL';

const NAME = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;
/** The longest name of a bucket. */
const LONGEST = 63;

function bucketOf({ app, stage, region, account }: Pick<Where, 'app' | 'stage' | 'region' | 'account'>): string {
  for (const name of [app, stage]) {
    if (!NAME.test(name))
      throw new Error(`"${name}" cannot be the name of an app or a stage: lower case letters, digits and hyphens`);
  }
  // Two hyphens between the two names, so that a-b/c and a/b-c differ: neither may end in one.
  const bucket = `${app}--${stage}-${region}-${account}`;
  if (bucket.length > LONGEST)
    throw new Error(`app "${app}" and stage "${stage}" are too long together: a bucket is named by them`);
  return bucket;
}
