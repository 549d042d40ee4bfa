import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { clientSettings } from '../aws/client-settings.ts';

/** SQS on AWS or, with an endpoint in settings or environment, a service that speaks like it. Nothing is sent before the first call. */
export function sqsClient(settings: SQSClientConfig = {}): SQSClient {
  // Off: the host of a queue's URL would win over AWS_ENDPOINT_URL_SQS.
  return new SQSClient({ ...clientSettings(), useQueueUrlAsEndpoint: false, ...settings });
}
