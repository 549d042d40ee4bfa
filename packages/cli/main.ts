import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { DemoOptions } from './demo/demo.ts';
import { explain } from './explain.ts';
import type { RedriveOptions } from './redrive.ts';
import { RELAY_FLAGS, type RelayOptions } from './relay-options.ts';

/** `tmc`: one command per file, loaded when it is called for; exit code 0 success, 1 failure, 2 wrong usage. */
function program(): Command {
  const tmc = new Command('tmc')
    .description('Transparent multi-cluster for Kubernetes on kcp')
    .version(version(), '-V, --version', 'print the version')
    .showHelpAfterError('Run tmc --help to see what there is.')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

  tmc
    .command('run')
    .description('run the embedded host: relays, queues, functions and state in this process')
    .requiredOption('--config <file>', 'configuration (YAML)', 'tmc.yaml')
    .addHelpText('after', RUN_NOTES)
    .action(async ({ config }: { config: string }) => (await import('./run.ts')).runHost(config));

  const relay = tmc
    .command('relay')
    .description('run one relay: from a hub or a member cluster to SQS, with checkpoints in DynamoDB')
    .addHelpText('after', RELAY_NOTES)
    .action(async (options: RelayOptions) => (await import('./relay.ts')).runRelay(options));
  for (const option of RELAY_FLAGS) {
    const flags = `--${option.flag} <${option.value}>`;
    if ('many' in option) relay.option(flags, option.text, collect);
    else relay.option(flags, option.text);
  }

  tmc
    .command('demo')
    .description('perform the virtual-cluster walkthrough and check every step of it')
    .option('--debug', 'log what the host does, to standard error', false)
    .option('--skip-cleanup', 'keep everything running afterwards and print kubeconfig paths', false)
    .option('--force-recreate', 'delete what an earlier run left in the hub and members first', false)
    .option('--hub <kubeconfig>', 'run against this hub instead of a simulated one')
    .option('--hub-context <context>', 'context in the hub kubeconfig')
    .option('--member <name=kubeconfig>', 'a member cluster: kcp-west=… and kcp-east=…', collect, [])
    .addHelpText('after', DEMO_EXAMPLES)
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('./demo/demo.ts');
      process.exit(await runDemo(options, process.stdout));
    });

  addDeploymentCommands(tmc);
  return tmc;
}

/** Commands around a deployment. */
function addDeploymentCommands(tmc: Command): void {
  tmc
    .command('redrive <queue>')
    .description('send the dead letters of a queue of a deployment again, or list them')
    .requiredOption('--deployment <file>', 'what a deployment left: its addresses')
    .option('--list', 'only list them: key, reason, receives, age', false)
    .option('--id <id>', 'only this one; may be given several times', collect)
    .option('--json', 'print one line of JSON', false)
    .option('--endpoint-url <url>', 'a service that speaks like SQS; AWS_ENDPOINT_URL counts too')
    .addHelpText('after', REDRIVE_NOTES)
    .action(async (queue: string, options: RedriveOptions) => {
      const { runRedrive } = await import('./redrive.ts');
      const write = (text: string) => void process.stdout.write(text);
      process.exitCode = await runRedrive(queue, options, process.env, { now: Date.now, write });
    });

  tmc
    .command('install')
    .description('create or update our kinds in a hub; needs the rights of an administrator')
    .requiredOption('--hub <kubeconfig>', 'the hub')
    .option('--context <name>', 'the context in the kubeconfig')
    .option('--export <workspace/name>', 'the APIExport to make in a hub that is kcp, such as root:tmc/tmc.kcp.io')
    .action(async (options: { hub: string; context?: string; export?: string }) => {
      const { runInstall } = await import('./install.ts');
      process.stdout.write(await runInstall(options));
    });

  tmc
    .command('simulate')
    .description('serve a hub and two members on simulated API servers, for trying a deployment')
    .option('--folder <folder>', 'where kubeconfigs, tokens and fleet.yaml are written', '.tmc/local')
    .addHelpText('after', '\nHow to deploy for them: docs/operations/deploy.md\n')
    .action(async (options: { folder: string }) => {
      const { startSimulatedFleet } = await import('./simulate.ts');
      const fleet = await startSimulatedFleet(options);
      process.stdout.write(fleet.text);
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.once(signal, () => void fleet.close().then(() => process.exit(0)));
      }
    });
}

const RUN_NOTES = `
SIGTERM and SIGINT drain and end with 0; a configuration, state file or hub that cannot be used ends with 1.
What the configuration holds and which endpoints there are: docs/operations/embedded.md
`;

const RELAY_NOTES = `
SIGTERM and SIGINT drain and end with 0; a configuration, kubeconfig or address that cannot be used ends with 1.
What the settings mean and which endpoints there are: docs/operations/relay.md

Examples:
  npm run tmc -- relay --config relay.yaml
  npm run tmc -- relay --hub hub.yaml --workspace shop --deployment .tmc/deployments/tmc-dev.json
  npm run tmc -- relay --member west --kubeconfig west.yaml --sync-target shop/west --deployment .sst/outputs.json
  npm run tmc -- relay --hub hub.yaml --workspace shop --queue-url placement=<url> --queue-url sync=<url> \\
    --queue-url recovery=<url> --table <name> --endpoint-url http://127.0.0.1:4566 --region us-east-1
`;

const REDRIVE_NOTES = `
The queues are placement, sync, status, recovery and commands-<member>. For deployments only: the embedded host (tmc run) keeps its
dead letters in its state file; there a change of the object starts a new attempt. Needs sqs:ReceiveMessage, sqs:DeleteMessage and
sqs:ChangeMessageVisibility on the dead letters, and sqs:SendMessage on the queue.

Examples:
  npm run tmc -- redrive sync --list --deployment .sst/outputs.json
  npm run tmc -- redrive sync --deployment .tmc/deployments/tmc-dev.json
`;

const DEMO_EXAMPLES = `
Examples:
  npm run demo
  npm run demo -- --skip-cleanup
  npm run demo -- --hub hub.kubeconfig --member kcp-west=west.kubeconfig --member kcp-east=east.kubeconfig
`;

/** The version of this package, which all of the project share. */
function version(): string {
  const text = readFileSync(new URL('./package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

try {
  await program().parseAsync();
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}
