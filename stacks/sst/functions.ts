import type { EnvironmentValue, FunctionSpec, Topology } from '../topology.ts';
import { bundledFunctions } from './bundles.ts';
import { componentName, deployedName } from './names.ts';
import { assumedBy, type Granted, policyOf, statementsOf } from './statements.ts';

export type DeployedFunction = {
  readonly component: sst.aws.Function;
  /** What is invoked: the alias where versions are published, the function itself otherwise. */
  readonly target: { readonly arn: $util.Output<string>; readonly alias?: aws.lambda.Alias };
};

/** Moved from version to version; see docs/operations/deploy.md on going back. */
const ALIAS = 'live';
const DAYS = { '1 week': 7, '1 month': 30, '3 months': 90 } as const;

/** Every function with its role, log group and recursion setting, by name. */
export function createFunctions(spec: Topology, granted: Granted): ReadonlyMap<string, DeployedFunction> {
  const folders = bundledFunctions(spec.functions.map(({ name }) => name));
  return new Map(spec.functions.map((one) => [one.name, createFunction(one, spec, granted, folders(one.name))]));
}

function createFunction(spec: FunctionSpec, { data }: Topology, granted: Granted, bundle: string): DeployedFunction {
  const name = componentName(spec.name);
  const logGroup = new aws.cloudwatch.LogGroup(
    `${name}Logs`,
    { name: `/aws/lambda/${deployedName(spec.name)}`, retentionInDays: DAYS[data.logRetention] },
    { retainOnDelete: data.removal === 'retain' },
  );
  const writeLogs = {
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resources: [$interpolate`${logGroup.arn}:*`],
  };
  const policy = policyOf([...statementsOf(spec.grants, granted), writeLogs]);
  const variables = environmentOf(spec, granted);
  const component = new sst.aws.Function(name, {
    description: spec.description,
    handler: `${spec.name}.handler`,
    bundle,
    runtime: 'nodejs24.x',
    architecture: 'arm64',
    memory: `${spec.memoryMb} MB`,
    timeout: `${spec.timeoutS} seconds`,
    logging: { logGroup: logGroup.name },
    versioning: data.versions,
    // `sst dev` deploys what `sst deploy` does: its bridge would not run with these permissions.
    dev: false,
    transform: {
      // SST's own role may write to all logs of the account, and may be taken on by anybody in it.
      role: {
        assumeRolePolicy: assumedBy('lambda.amazonaws.com'),
        managedPolicyArns: [],
        inlinePolicies: [{ name: 'inline', policy }],
      },
      // SST adds variables of its own for links, of which there are none.
      function: { environment: { variables } },
    },
  });
  new aws.lambda.FunctionRecursionConfig(`${name}Recursion`, {
    functionName: component.name,
    recursiveLoop: spec.recursion,
  });
  return { component, target: data.versions ? createAlias(name, component) : { arn: component.arn } };
}

/** Deploying with TMC_HOLD=1 publishes versions and leaves the alias where it is, for the operator to move. */
function createAlias(name: string, { nodes }: sst.aws.Function): DeployedFunction['target'] {
  const isHeld = process.env['TMC_HOLD'] === '1';
  const alias = new aws.lambda.Alias(
    `${name}Live`,
    { name: ALIAS, functionName: nodes.function.name, functionVersion: nodes.function.version },
    { ignoreChanges: isHeld ? ['functionVersion', 'routingConfig'] : [] },
  );
  return { arn: alias.arn, alias };
}

function environmentOf({ environment }: FunctionSpec, granted: Granted): Record<string, $util.Input<string>> {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, textOf(value, granted)]));
}

function textOf(value: EnvironmentValue, { table, queues }: Granted): $util.Input<string> {
  if ('text' in value) return value.text;
  if (value.from === 'table') return table.name;
  const consumed = [...queues].filter(([name]) => !name.startsWith('commands-'));
  return $util.jsonStringify(
    Object.fromEntries(consumed.map(([name, { live, dead }]) => [name, { url: live.url, deadLetterUrl: dead.url }])),
  );
}
