import { createHash } from 'node:crypto';
import type { EvaluateOptions } from '../evaluate.ts';
import { plain } from './inputs.ts';
import { type PolicyInputs, policyDocument } from './policy.ts';

type Resource = {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  /** Of what is there already and is only read. */
  readonly id?: string;
};
type Made = { readonly id: string | undefined; readonly state: Record<string, unknown> };

/**
 * What Pulumi asks in place of its engine: calls are answered from the options, resources of AWS made by the caller. Failures are
 * kept as they came, since the SDK reports the first of them in words of its own.
 */
export function pulumiMocks(options: EvaluateOptions, failures: Error[]) {
  return {
    call: ({ token, inputs }: { token: string; inputs: Record<string, unknown> }) => answer(token, inputs, options),
    newResource: async ({ inputs, ...rest }: Resource): Promise<Made> => {
      try {
        return await make({ ...rest, inputs: await plain(inputs) }, options);
      } catch (error) {
        failures.push(error instanceof Error ? error : new Error(String(error)));
        throw error;
      }
    },
  };
}

async function make({ type, name, inputs, id: read }: Resource, options: EvaluateOptions): Promise<Made> {
  if (read && type === 'aws:iam/role:Role') return roleOf(read, options);
  if (type.startsWith('aws:')) {
    const { id, state } = await options.newResource({ type, name, inputs });
    return { id, state: { ...inputs, ...state } };
  }
  if (type === 'random:index/randomBytes:RandomBytes') return randomBytes(name, inputs, options);
  if (isComponent(type)) return { id: undefined, state: inputs };
  throw new Error(`${name} is a ${type}, which only a deployment to AWS with Pulumi can make`);
}

const isComponent = (type: string): boolean => /^(sst:|pulumi:pulumi:Stack$|pulumi:providers:)/.test(type);

/** A role by its name, as a component finds one that it is told to use. */
const roleOf = (name: string, { account }: EvaluateOptions): Made => ({
  id: name,
  state: { name, arn: `arn:aws:iam::${account}:role/${name}` },
});

/** Not secret: the same for everybody who knows app and stage. Nothing in this program relies on it. */
function randomBytes(name: string, inputs: Record<string, unknown>, { app, stage }: EvaluateOptions): Made {
  const bytes = createHash('sha256')
    .update([app, stage, name].join('/'))
    .digest()
    .subarray(0, Number(inputs['length']));
  return { id: name, state: { ...inputs, base64: bytes.toString('base64'), hex: bytes.toString('hex') } };
}

function answer(token: string, inputs: Record<string, unknown>, { account, region }: EvaluateOptions) {
  switch (token) {
    case 'aws:index/getPartition:getPartition':
      return { id: 'aws', partition: 'aws', dnsSuffix: 'amazonaws.com' };
    case 'aws:index/getRegion:getRegion':
      return { id: region, name: region, region };
    case 'aws:index/getCallerIdentity:getCallerIdentity':
      return { id: account, accountId: account, arn: `arn:aws:iam::${account}:root` };
    case 'aws:index/getAvailabilityZones:getAvailabilityZones':
      return { id: region, names: ['a', 'b', 'c'].map((zone) => region + zone) };
    case 'aws:iam/getPolicyDocument:getPolicyDocument':
      return policyDocument(inputs as PolicyInputs);
    default:
      throw new Error(`the program asks AWS for ${token}, which is only answered in a deployment with Pulumi`);
  }
}
