import type { Topology } from '../topology.ts';
import type { DeployedFunction } from './functions.ts';
import { componentName } from './names.ts';
import type { DeployedQueue } from './queues.ts';
import { assumedBy, ofThisAccount } from './statements.ts';

/** What calls the functions: mappings from queues, schedules, and URLs. Gives back the URL of the API. */
export function createInvocations(
  spec: Topology,
  queues: ReadonlyMap<string, DeployedQueue>,
  functions: ReadonlyMap<string, DeployedFunction>,
): $util.Output<string> {
  createMappings(spec, queues, functions);
  for (const { name, rate, function: target } of spec.schedules) {
    new sst.aws.CronV2(`${componentName(name)}Cron`, {
      schedule: rate as `rate(${string})`,
      function: named(functions, target).target.arn as unknown as $util.Input<sst.aws.FunctionArn>,
      transform: { role: { assumeRolePolicy: assumedBy('scheduler.amazonaws.com', ofThisAccount()) } },
    });
  }
  const urls = spec.functions
    .filter(({ url }) => url)
    .map(({ name, url }) => createUrl(name, named(functions, name), url));
  if (!urls[0]) throw new Error('the topology has no function with a URL');
  return urls[0];
}

function createMappings(
  { mappings }: Topology,
  queues: ReadonlyMap<string, DeployedQueue>,
  functions: ReadonlyMap<string, DeployedFunction>,
): void {
  for (const mapping of mappings) {
    new aws.lambda.EventSourceMapping(`${componentName(mapping.queue)}Mapping`, {
      eventSourceArn: named(queues, mapping.queue).live.arn,
      functionName: named(functions, mapping.function).target.arn,
      batchSize: mapping.batchSize,
      maximumBatchingWindowInSeconds: mapping.windowS,
      scalingConfig: { maximumConcurrency: mapping.maximumConcurrency },
      functionResponseTypes: mapping.reportBatchItemFailures ? ['ReportBatchItemFailures'] : [],
    });
  }
}

function createUrl(
  name: string,
  { component, target }: DeployedFunction,
  url: Topology['functions'][number]['url'],
): $util.Output<string> {
  return new aws.lambda.FunctionUrl(`${componentName(name)}Url`, {
    functionName: component.name,
    authorizationType: url?.authorization ?? 'AWS_IAM',
    ...(target.alias && { qualifier: target.alias.name }),
  }).functionUrl;
}

function named<T>(all: ReadonlyMap<string, T>, name: string): T {
  const one = all.get(name);
  if (one === undefined) throw new Error(`the topology refers to "${name}", which it does not have`);
  return one;
}
