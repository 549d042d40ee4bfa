import { REGION } from '../emulators/aws-emulator.ts';

/**
 * Parameters of Systems Manager at an endpoint that checks no signature: three calls are no reason for one more client.
 * @throws Error with the answer when it is none of success
 */
export type Parameters = {
  put(name: string, value: string): Promise<void>;
  has(name: string): Promise<boolean>;
  delete(name: string): Promise<void>;
};

export function parametersOf(endpoint: string): Parameters {
  const call = async (action: string, input: object): Promise<Response> => {
    const scope = `Credential=test/20260101/${REGION}/ssm/aws4_request`;
    return fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `AmazonSSM.${action}`,
        authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=0`,
      },
      body: JSON.stringify(input),
    });
  };
  const must = async (action: string, input: object): Promise<void> => {
    const answer = await call(action, input);
    if (!answer.ok)
      throw new Error(`${action} ${JSON.stringify(Object.keys(input))}: ${answer.status} ${await answer.text()}`);
  };
  return {
    put: (Name, Value) => must('PutParameter', { Name, Value, Type: 'SecureString' }),
    has: async (Name) => (await call('GetParameter', { Name })).ok,
    delete: (Name) => must('DeleteParameter', { Name }),
  };
}
