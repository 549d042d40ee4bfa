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
import { REGION } from '../emulators/aws-emulator.ts';
import { parametersOf } from './parameters.ts';

/** The test's own look at an endpoint, as its administrator. */
export type Clients = ReturnType<typeof clientsOf>;

/** A fresh one each time: the SDK writes into what it is given. */
export const credentials = () => ({ accessKeyId: 'test', secretAccessKey: 'test' });

export function clientsOf(endpoint: string) {
  const settings = () => ({ endpoint, region: REGION, credentials: credentials() });
  const clients = {
    alarms: new CloudWatchClient(settings()),
    logs: new CloudWatchLogsClient(settings()),
    table: new DynamoDBClient(settings()),
    roles: new IAMClient(settings()),
    functions: new LambdaClient(settings()),
    buckets: new S3Client({ ...settings(), forcePathStyle: true }),
    schedules: new SchedulerClient(settings()),
    secrets: new SecretsManagerClient(settings()),
    topics: new SNSClient(settings()),
    queues: new SQSClient({ ...settings(), useQueueUrlAsEndpoint: false }),
  };
  return {
    ...clients,
    parameters: parametersOf(endpoint),
    close: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
