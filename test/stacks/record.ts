/**
 * Evaluates the program once and prints what it asks for: `node record.ts <stage> <fleet> <artifacts> [fail]`. A process of its own, for
 * Pulumi keeps state. With `fail`, that resource cannot be made.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluate, type NewResource } from '../../stacks/evaluate.ts';

const [stage = '', fleet = '', artifacts = '', failing] = process.argv.slice(2);
const region = 'eu-central-1';
const account = '123456789012';
const resources: NewResource[] = [];

const arn = (service: string, rest: string) =>
  `arn:aws:${service}:${service === 'iam' ? '' : region}:${account}:${rest}`;

/** As AWS would answer, in so far as other resources refer to it. */
function stateOf({ type, name, inputs }: NewResource): { id: string; state: Record<string, unknown> } {
  const named = String(inputs['name'] ?? name);
  const state = { arn: arn('test', named), ...MADE[type]?.(named, inputs) };
  return { id: named, state };
}

const MADE: Record<string, (name: string, inputs: Record<string, unknown>) => Record<string, unknown>> = {
  'aws:sqs/queue:Queue': (name) => ({
    arn: arn('sqs', name),
    url: `https://sqs.${region}.amazonaws.com/${account}/${name}`,
  }),
  'aws:dynamodb/table:Table': (name) => ({ arn: arn('dynamodb', `table/${name}`) }),
  'aws:iam/role:Role': (name) => ({ arn: arn('iam', `role/${name}`) }),
  'aws:cloudwatch/logGroup:LogGroup': (name) => ({ arn: arn('logs', `log-group:${name}`) }),
  'aws:lambda/function:Function': (name) => ({ arn: arn('lambda', `function:${name}`), version: '7' }),
  'aws:lambda/alias:Alias': (name, inputs) => ({ arn: arn('lambda', `function:${inputs['functionName']}:${name}`) }),
  'aws:lambda/functionUrl:FunctionUrl': () => ({ functionUrl: 'https://abc.lambda-url.example.com/' }),
  'aws:sns/topic:Topic': (name) => ({ arn: arn('sns', name) }),
};

const deployment = await evaluate({
  stage,
  fleet,
  app: 'tmc',
  account,
  region,
  artifacts,
  newResource: async (resource) => {
    if (resource.name === failing) throw new Error(`${failing} cannot be made`);
    resources.push(resource);
    return stateOf(resource);
  },
});
// Made side by side: the order says nothing.
resources.sort((a, b) => `${a.type} ${a.name}`.localeCompare(`${b.type} ${b.name}`));
writeFileSync(join(artifacts, 'recorded.json'), JSON.stringify({ resources, deployment }));
