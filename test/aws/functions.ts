import {
  type FunctionConfiguration,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import type { Deployment } from '../../stacks/outputs.ts';
import { until } from '../real/harness/process.ts';
import type { Clients } from './clients.ts';

/** The deployed functions, seen and changed as an administrator would. */

const SETTLE_MS = 60_000;
/** Services a function calls; each has an address of its own in the environment. */
const SERVICES = ['SQS', 'DYNAMODB', 'SSM', 'SECRETS_MANAGER'] as const;

type Functions = Pick<Clients, 'functions'>;

/** Lets each function call AWS through its own address, and leaves the rest of its environment. */
export async function redirect(
  { functions }: Functions,
  deployment: Deployment,
  addressOf: (name: string) => string,
): Promise<void> {
  for (const [name, FunctionName] of Object.entries(deployment.functions)) {
    const { Environment } = await functions.send(new GetFunctionConfigurationCommand({ FunctionName }));
    const addresses = Object.fromEntries(SERVICES.map((service) => [`AWS_ENDPOINT_URL_${service}`, addressOf(name)]));
    const Variables = { ...Environment?.Variables, ...addresses };
    await functions.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
    await settled({ functions }, FunctionName);
  }
}

/** Replaces the code of one function. */
export async function updateCode({ functions }: Functions, FunctionName: string, ZipFile: Uint8Array): Promise<void> {
  await functions.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile }));
  await settled({ functions }, FunctionName);
}

export function configurationOf({ functions }: Functions, FunctionName: string): Promise<FunctionConfiguration> {
  return functions.send(new GetFunctionConfigurationCommand({ FunctionName }));
}

/** Waits until an update is what runs. @throws Error with the reason when it failed. */
async function settled({ functions }: Functions, FunctionName: string): Promise<void> {
  await until(
    `the update of ${FunctionName}`,
    async () => {
      const asked = new GetFunctionConfigurationCommand({ FunctionName });
      const { LastUpdateStatus, LastUpdateStatusReason, State } = await functions.send(asked);
      if (LastUpdateStatus === 'Failed') throw new Error(`${FunctionName}: ${LastUpdateStatusReason}`);
      const isDone = LastUpdateStatus !== 'InProgress' && State !== 'Pending';
      return isDone ? undefined : `it is ${LastUpdateStatus}, ${State}`;
    },
    SETTLE_MS,
  );
}

/** Invokes a function and resolves with what it returned. @throws Error with what the function threw. */
export async function invoke({ functions }: Functions, FunctionName: string, event: object): Promise<unknown> {
  const command = new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify(event)) });
  const { FunctionError, Payload } = await functions.send(command);
  const text = Payload?.transformToString() ?? '';
  if (FunctionError) throw new Error(`${FunctionName}: ${FunctionError} ${text}`);
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}
