import {
  CreateFunctionUrlConfigCommand,
  DeleteFunctionUrlConfigCommand,
  type FunctionUrlAuthType,
  GetFunctionUrlConfigCommand,
  type InvokeMode,
  type LambdaClient,
  UpdateFunctionUrlConfigCommand,
} from '@aws-sdk/client-lambda';
import * as z from 'zod';
import { orAbsent } from '../failure.ts';
import { type Json, type Kind, kind, part } from '../kind.ts';
import { atFunction, target } from './function-name.ts';

const URL = z.strictObject({
  functionName: z.string(),
  qualifier: z.string().optional(),
  authorizationType: z.enum(['AWS_IAM', 'NONE']),
  invokeMode: z.enum(['BUFFERED', 'RESPONSE_STREAM']).default('BUFFERED'),
  cors: z
    .strictObject({
      allowCredentials: z.boolean().optional(),
      allowHeaders: z.array(z.string()).optional(),
      allowMethods: z.array(z.string()).optional(),
      allowOrigins: z.array(z.string()).optional(),
      exposeHeaders: z.array(z.string()).optional(),
      maxAge: z.number().optional(),
    })
    .optional(),
});
type Url = z.infer<typeof URL>;

/** Addresses at which functions are called by HTTP. */
export function functionUrls(lambda: LambdaClient): Kind {
  const settings = ({ authorizationType, invokeMode, cors }: Url) => ({
    AuthType: authorizationType as FunctionUrlAuthType,
    InvokeMode: invokeMode as InvokeMode,
    ...(cors && { Cors: corsOf(cors) }),
  });
  return kind<Url>({
    type: 'aws:lambda/functionUrl:FunctionUrl',
    noun: 'function URL',
    optional: 'its function can be invoked through the Lambda API only',
    inputs: URL,
    identify: ({ functionName, qualifier }) => atFunction(functionName, qualifier),
    fields: (said) => ({ authorization: said.authorizationType, mode: said.invokeMode, cors: corsOf(said.cors ?? {}) }),
    async read(identity) {
      const answer = await orAbsent(lambda.send(new GetFunctionUrlConfigCommand(target(identity))));
      if (!answer) return undefined;
      const { AuthType = '', InvokeMode = 'BUFFERED', Cors = {}, FunctionUrl = '' } = answer;
      const fields: Record<string, Json> = { authorization: AuthType, mode: InvokeMode, cors: { ...Cors } as Json };
      return { fields, outputs: { functionUrl: FunctionUrl } };
    },
    async create(identity, said) {
      await lambda.send(new CreateFunctionUrlConfigCommand({ ...target(identity), ...settings(said) }));
    },
    async update(identity, said) {
      // Settings that are left out stay as they are, empty ones go.
      const Cors = corsOf(said.cors ?? {});
      await lambda.send(new UpdateFunctionUrlConfigCommand({ ...target(identity), ...settings(said), Cors }));
    },
    async remove(identity) {
      await orAbsent(lambda.send(new DeleteFunctionUrlConfigCommand(target(identity))));
    },
    outputs(identity, said, live) {
      const functionUrl = live?.outputs?.['functionUrl'] ?? '';
      return { ...said, id: part(identity, 'function'), functionUrl };
    },
  });
}

function corsOf(cors: NonNullable<Url['cors']>) {
  const said = {
    AllowCredentials: cors.allowCredentials,
    AllowHeaders: cors.allowHeaders,
    AllowMethods: cors.allowMethods,
    AllowOrigins: cors.allowOrigins,
    ExposeHeaders: cors.exposeHeaders,
    MaxAge: cors.maxAge,
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as Partial<{
    [Key in keyof typeof said]: NonNullable<(typeof said)[Key]>;
  }>;
}
