import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { IAMClient } from '@aws-sdk/client-iam';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { STSClient } from '@aws-sdk/client-sts';

/** One client for each service, all at one endpoint. */
export type Clients = ReturnType<typeof connect>;

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Clients for an endpoint, with the credentials of the environment; `test` for an emulator on this machine when there are none.
 * @throws Error naming the variables that are missing.
 */
export function connect(endpoint: string, region: string, environment: Environment) {
  const options = { endpoint, region, credentials: credentialsFor(endpoint, environment), maxAttempts: 3 };
  return {
    alarms: new CloudWatchClient(options),
    dynamodb: new DynamoDBClient(options),
    iam: new IAMClient(options),
    lambda: new LambdaClient(options),
    logs: new CloudWatchLogsClient(options),
    s3: new S3Client({ ...options, forcePathStyle: true }),
    scheduler: new SchedulerClient(options),
    secrets: new SecretsManagerClient(options),
    sns: new SNSClient(options),
    // Queue URLs name hosts that need not be reachable from here.
    sqs: new SQSClient({ ...options, useQueueUrlAsEndpoint: false }),
    sts: new STSClient(options),
  };
}

function credentialsFor(endpoint: string, environment: Environment) {
  const accessKeyId = environment['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = environment['AWS_SECRET_ACCESS_KEY'];
  const sessionToken = environment['AWS_SESSION_TOKEN'];
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  if (LOOPBACK.test(new URL(endpoint).hostname)) return { accessKeyId: 'test', secretAccessKey: 'test' };
  throw new Error(`there are no credentials for ${endpoint}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`);
}
