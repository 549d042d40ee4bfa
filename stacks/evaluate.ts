import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pulumiMocks } from './evaluate/mocks.ts';
import { platformRequire, ROOT } from './evaluate/platform.ts';
import { bundleProgram, type Program } from './evaluate/program.ts';
import { serveRpc } from './evaluate/rpc.ts';
import type { Deployment } from './outputs.ts';

/** A resource as the program asks for it: Pulumi's type and logical name, and inputs as plain values. */
export type NewResource = {
  /** As `aws:sqs/queue:Queue`. */
  readonly type: string;
  readonly name: string;
  /** Names that the provider would make up are filled in; files and archives are `{ path }`. */
  readonly inputs: Record<string, unknown>;
};

export type EvaluateOptions = {
  readonly stage: string;
  /** Path of the fleet file. */
  readonly fleet: string;
  readonly app: string;
  readonly account: string;
  readonly region: string;
  /** Folder for the archives with code; made when absent. */
  readonly artifacts: string;
  /** Makes a resource of AWS and gives back what others may refer to: its id and outputs, apart from its inputs. */
  newResource(args: NewResource): Promise<{ id: string; state: Record<string, unknown> }>;
};

/** What `Pulumi` is used for here; the SDK itself belongs to SST's platform. */
type Pulumi = {
  readonly runtime: {
    setMocks(mocks: unknown, project: string, stack: string, preview: boolean, organization: string): Promise<void>;
    runInPulumiStack(program: () => Promise<unknown>): Promise<Record<string, unknown> | undefined>;
    disconnect(): Promise<void>;
  };
};

/**
 * Runs the program of `sst.config.ts` with SST's own components, and has each resource of AWS made by the caller. Physical names end
 * in a hash of app, stage and logical name, so that each run asks for the same. Once per process: the SDK of Pulumi keeps state.
 * @throws Error when SST's platform is not installed, when the program fails, and whatever `newResource` throws.
 */
export async function evaluate(options: EvaluateOptions): Promise<Deployment> {
  const { app, stage, region } = options;
  const fleet = resolve(options.fleet);
  const artifacts = resolve(options.artifacts);
  mkdirSync(artifacts, { recursive: true });
  const bundle = await bundleProgram();
  const rpc = await serveRpc(artifacts, region);
  const before = { folder: process.cwd(), fleet: process.env['TMC_FLEET'] };
  try {
    process.env['SST_SERVER'] = rpc.url;
    process.env['TMC_FLEET'] = fleet;
    const globals = setGlobals({ app, stage, artifacts });
    const { config, run } = (await import(pathToFileURL(bundle.file).href)) as Program;
    // All of it is loaded: a run that is killed later leaves nothing behind.
    bundle.remove();
    Object.assign(globals.app, await config.app({ stage }), { name: app });
    const { runtime } = platformRequire()('@pulumi/pulumi') as Pulumi;
    const failures: Error[] = [];
    await runtime.setMocks(pulumiMocks(options, failures), app, stage, false, 'organization');
    const outputs = await settled(runtime, () => run(config.run), failures);
    const { _protect, ...deployment } = outputs;
    return deployment as Deployment;
  } finally {
    process.chdir(before.folder);
    if (before.fleet === undefined) delete process.env['TMC_FLEET'];
    else process.env['TMC_FLEET'] = before.fleet;
    await rpc.stop();
    bundle.remove();
  }
}

/** What the program finds around it, as SST's command line would set it. */
function setGlobals({ app, stage, artifacts }: { app: string; stage: string; artifacts: string }) {
  const shared = { name: app, stage };
  const platform = resolve(ROOT, '.sst/platform');
  const paths = { home: platform, root: ROOT, work: artifacts, platform };
  Object.assign(globalThis, {
    $app: shared,
    $dev: false,
    $cli: { command: 'evaluate', rpc: '', paths, state: { version: {} } },
  });
  return { app: shared };
}

/**
 * Outputs of the program once every resource is there. A failure reaches Pulumi's outputs as rejections that nobody handles, so they
 * are caught here. @throws the first failure of a resource, which says more than what follows from it.
 */
async function settled(runtime: Pulumi['runtime'], program: () => Promise<unknown>, failures: Error[]) {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const onRejection = (reason: unknown) => reject(failures[0] ?? reason);
  process.on('unhandledRejection', onRejection);
  try {
    const all = runtime.runInPulumiStack(program).then(async (outputs) => {
      await runtime.disconnect();
      return outputs ?? {};
    });
    return await Promise.race([all, failed]);
  } catch (error) {
    throw failures[0] ?? error;
  } finally {
    process.off('unhandledRejection', onRejection);
  }
}
