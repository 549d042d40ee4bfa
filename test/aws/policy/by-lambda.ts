import { paginateListEventSourceMappings } from '@aws-sdk/client-lambda';
import type { Deployment } from '../../../stacks/outputs.ts';
import { ACCOUNT } from '../calls/call.ts';
import type { Clients } from '../clients.ts';
import { configurationOf } from '../functions.ts';
import type { Call } from './evaluate.ts';

/** A mapping polls its queue with the function's rights, also where an emulator asks nobody. */
const BY_MAPPING = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
/** Lambda writes what a function prints, into the group that the deployment made. */
const BY_LOGGING = ['logs:CreateLogStream', 'logs:PutLogEvents'];

/** Calls that Lambda makes in the names of the deployed functions: no recorder sees them, and the policies must allow them. */
export async function callsByLambda(
  { functions }: Pick<Clients, 'functions'>,
  deployment: Deployment,
): Promise<Call[]> {
  const calls: Call[] = [];
  for (const [identity, FunctionName] of Object.entries(deployment.functions)) {
    const { LoggingConfig } = await configurationOf({ functions }, FunctionName);
    const name = LoggingConfig?.LogGroup ?? `/aws/lambda/${FunctionName}`;
    const group = `arn:aws:logs:${deployment.region}:${ACCOUNT}:log-group:${name}`;
    calls.push(...BY_LOGGING.map((action) => ({ identity, action, resource: `${group}:log-stream:any` })));
    for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings(
      { client: functions },
      { FunctionName },
    )) {
      for (const { EventSourceArn: resource } of EventSourceMappings) {
        if (resource) calls.push(...BY_MAPPING.map((action) => ({ identity, action, resource })));
      }
    }
  }
  return calls;
}
