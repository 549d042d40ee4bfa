import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

/** Whose credentials these are. @throws Error saying what to set when there are none, or no region. */
export async function identity(): Promise<{ account: string; region: string }> {
  const client = new STSClient({});
  try {
    const region = await client.config.region();
    const { Account: account = 'unknown' } = await client.send(new GetCallerIdentityCommand({}));
    return { account, region };
  } catch (error) {
    const hint = 'set AWS_REGION, and AWS_PROFILE or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY';
    throw new Error(`cannot ask AWS who deploys (sts:GetCallerIdentity): ${(error as Error).message}; ${hint}`);
  } finally {
    client.destroy();
  }
}
