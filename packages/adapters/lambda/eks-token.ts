import { SignatureV4 } from '@smithy/signature-v4';
import { type AwsCallOptions, awsEndpoint, regionOf, Sha256 } from './aws-call.ts';

/** EKS takes a token for 15 minutes from the time in it; a minute less leaves room for clocks that differ. */
export const EKS_TOKEN_MS = 14 * 60_000;
/** What the AWS command line asks for: EKS has its own limit. */
const EXPIRES_S = 60;

/**
 * A bearer token for an EKS cluster: the presigned address of a call that tells STS, and through it the cluster, whose role this
 * is. Made without asking anybody.
 */
export async function eksToken(
  cluster: string,
  { env, credentials, clock }: Pick<AwsCallOptions, 'env' | 'credentials' | 'clock'>,
): Promise<string> {
  const { protocol, hostname, host } = new URL(awsEndpoint('sts', env));
  const signer = new SignatureV4({ service: 'sts', region: regionOf(env), credentials, sha256: Sha256 });
  const { query = {} } = await signer.presign(
    {
      method: 'GET',
      protocol,
      hostname,
      path: '/',
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host, 'x-k8s-aws-id': cluster },
    },
    { signingDate: new Date(clock()), expiresIn: EXPIRES_S },
  );
  const text = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  const url = `${protocol}//${host}/?${text.join('&')}`;
  return `k8s-aws-v1.${Buffer.from(url).toString('base64url')}`;
}
