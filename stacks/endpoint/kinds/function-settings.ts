import {
  AddPermissionCommand,
  CreateAliasCommand,
  DeleteAliasCommand,
  DeleteFunctionEventInvokeConfigCommand,
  GetAliasCommand,
  GetFunctionEventInvokeConfigCommand,
  GetFunctionRecursionConfigCommand,
  GetPolicyCommand,
  type LambdaClient,
  PutFunctionEventInvokeConfigCommand,
  PutFunctionRecursionConfigCommand,
  type RecursiveLoop,
  RemovePermissionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-lambda';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { orAbsent } from '../failure.ts';
import { fromJson, type Identity, type Json, type Kind, kind, part, type Where } from '../kind.ts';
import { atFunction, functionArn, target, unqualified } from './function-name.ts';
import { functionUrls } from './function-url.ts';

const ALIAS = z.strictObject({
  name: z.string(),
  description: z.string().default(''),
  functionName: z.string(),
  functionVersion: z.string(),
});

const PERMISSION = z.strictObject({
  action: z.string(),
  function: z.string(),
  principal: z.string(),
  qualifier: z.string().optional(),
  sourceArn: z.string().optional(),
  sourceAccount: z.string().optional(),
  functionUrlAuthType: z.enum(['AWS_IAM', 'NONE']).optional(),
  invokedViaFunctionUrl: z.boolean().optional(),
  statementId: z.string().optional(),
});
type Permission = z.infer<typeof PERMISSION>;

const RECURSION = z.strictObject({ functionName: z.string(), recursiveLoop: z.enum(['Allow', 'Terminate']) });

const INVOKE = z.strictObject({
  functionName: z.string(),
  qualifier: z.string().optional(),
  maximumRetryAttempts: z.number().optional(),
  maximumEventAgeInSeconds: z.number().optional(),
});

/** What belongs to a function and is set apart from it. */
export function functionSettingKinds({ lambda }: Pick<Clients, 'lambda'>, where: Where): Kind[] {
  return [functionUrls(lambda), aliases(lambda, where), permissions(lambda), recursion(lambda), invocation(lambda)];
}

function aliases(lambda: LambdaClient, where: Where): Kind {
  return kind<z.infer<typeof ALIAS>>({
    type: 'aws:lambda/alias:Alias',
    noun: 'alias',
    inputs: ALIAS,
    identify: ({ functionName, name }) => ({ function: unqualified(functionName), alias: name }),
    fields: ({ functionVersion, description }) => ({ version: functionVersion, description }),
    async read(identity) {
      const FunctionName = part(identity, 'function');
      const answer = await orAbsent(lambda.send(new GetAliasCommand({ FunctionName, Name: part(identity, 'alias') })));
      if (!answer) return undefined;
      const fields = { version: answer.FunctionVersion ?? '', description: answer.Description ?? '' };
      return { fields, outputs: { arn: answer.AliasArn ?? '' } };
    },
    async create(_identity, said) {
      await lambda.send(new CreateAliasCommand(aliasOf(said)));
    },
    async update(_identity, said) {
      await lambda.send(new UpdateAliasCommand(aliasOf(said)));
    },
    async remove(identity) {
      const FunctionName = part(identity, 'function');
      await orAbsent(lambda.send(new DeleteAliasCommand({ FunctionName, Name: part(identity, 'alias') })));
    },
    outputs(identity, said, live) {
      const arn = live?.outputs?.['arn'] || `${functionArn(where, part(identity, 'function'))}:${said.name}`;
      const invokeArn = `arn:aws:apigateway:${where.region}:lambda:path/2015-03-31/functions/${arn}/invocations`;
      return { ...said, id: arn, arn, invokeArn };
    },
  });
}

function aliasOf({ functionName, name, functionVersion, description }: z.infer<typeof ALIAS>) {
  const FunctionName = unqualified(functionName);
  return { FunctionName, Name: name, FunctionVersion: functionVersion, Description: description };
}

function permissions(lambda: LambdaClient): Kind {
  const remove = async (identity: Identity): Promise<void> => {
    const StatementId = part(identity, 'statement');
    await orAbsent(lambda.send(new RemovePermissionCommand({ ...target(identity), StatementId })));
  };
  const add = async (identity: Identity, said: Permission): Promise<void> => {
    const command = new AddPermissionCommand({
      ...target(identity),
      StatementId: part(identity, 'statement'),
      Action: said.action,
      Principal: said.principal,
      ...(said.sourceArn && { SourceArn: said.sourceArn }),
      ...(said.sourceAccount && { SourceAccount: said.sourceAccount }),
      ...(said.functionUrlAuthType && { FunctionUrlAuthType: said.functionUrlAuthType }),
      ...(said.invokedViaFunctionUrl && { InvokedViaFunctionUrl: true }),
    });
    await lambda.send(command);
  };
  return kind<Permission>({
    type: 'aws:lambda/permission:Permission',
    noun: 'permission',
    optional: 'emulators do not check who invokes a function',
    inputs: PERMISSION,
    identify: (said, name) => ({
      ...atFunction(said.function, said.qualifier),
      statement: said.statementId ?? name,
    }),
    fields: ({ statementId: _id, function: _function, qualifier: _qualifier, ...statement }) => ({
      statement: JSON.parse(JSON.stringify(statement)) as Json,
    }),
    async read(identity) {
      const answer = await orAbsent(lambda.send(new GetPolicyCommand(target(identity))));
      const policy = fromJson(answer?.Policy) as { Statement?: readonly { readonly Sid?: string }[] };
      const statement = policy.Statement?.find(({ Sid }) => Sid === part(identity, 'statement'));
      return statement && { fields: { statement: statement as Json } };
    },
    create: add,
    // A statement cannot be changed, only said again.
    async update(identity, said) {
      await remove(identity);
      await add(identity, said);
    },
    remove,
    outputs: (identity, said) => ({
      ...said,
      id: part(identity, 'statement'),
      statementId: part(identity, 'statement'),
    }),
  });
}

/** Every function has this setting: what is removed goes back to the default. */
function recursion(lambda: LambdaClient): Kind {
  const put = async (identity: Identity, loop: RecursiveLoop): Promise<void> => {
    const FunctionName = part(identity, 'function');
    await lambda.send(new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: loop }));
  };
  return kind<z.infer<typeof RECURSION>>({
    type: 'aws:lambda/functionRecursionConfig:FunctionRecursionConfig',
    noun: 'recursion setting',
    optional: 'emulators do not cut loops of functions and queues',
    adopts: 'setting',
    inputs: RECURSION,
    identify: ({ functionName }) => ({ function: unqualified(functionName) }),
    fields: ({ recursiveLoop }) => ({ recursiveLoop }),
    async read(identity) {
      const FunctionName = part(identity, 'function');
      const answer = await orAbsent(lambda.send(new GetFunctionRecursionConfigCommand({ FunctionName })));
      return answer && { fields: { recursiveLoop: answer.RecursiveLoop ?? 'Terminate' } };
    },
    create: (identity, { recursiveLoop }) => put(identity, recursiveLoop),
    update: (identity, { recursiveLoop }) => put(identity, recursiveLoop),
    async remove(identity) {
      await orAbsent(put(identity, 'Terminate'));
    },
    outputs: (identity, said) => ({ ...said, id: part(identity, 'function') }),
  });
}

function invocation(lambda: LambdaClient): Kind {
  const put = async (identity: Identity, said: z.infer<typeof INVOKE>): Promise<void> => {
    const command = new PutFunctionEventInvokeConfigCommand({
      ...target(identity),
      MaximumRetryAttempts: said.maximumRetryAttempts,
      MaximumEventAgeInSeconds: said.maximumEventAgeInSeconds,
    });
    await lambda.send(command);
  };
  return kind<z.infer<typeof INVOKE>>({
    type: 'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig',
    noun: 'setting of asynchronous invocations',
    optional: 'the emulator retries failed invocations as it likes',
    inputs: INVOKE,
    identify: ({ functionName, qualifier }) => atFunction(functionName, qualifier),
    fields: (said) => ({
      retries: said.maximumRetryAttempts ?? null,
      maximumAge: said.maximumEventAgeInSeconds ?? null,
    }),
    async read(identity) {
      const answer = await orAbsent(lambda.send(new GetFunctionEventInvokeConfigCommand(target(identity))));
      if (!answer) return undefined;
      const { MaximumRetryAttempts: retries = null, MaximumEventAgeInSeconds: maximumAge = null } = answer;
      return { fields: { retries, maximumAge } };
    },
    create: put,
    update: put,
    async remove(identity) {
      await orAbsent(lambda.send(new DeleteFunctionEventInvokeConfigCommand(target(identity))));
    },
    outputs: (identity, said) => ({ ...said, id: part(identity, 'function') }),
  });
}
