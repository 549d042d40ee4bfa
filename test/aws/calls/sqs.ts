import { ACCOUNT, type Body, bytesOf, listOf, type Reading, type ServiceCall } from './call.ts';

/** Batches are not actions of their own: IAM asks for the single one. */
const ACTIONS: Readonly<Record<string, string>> = {
  SendMessageBatch: 'SendMessage',
  DeleteMessageBatch: 'DeleteMessage',
  ChangeMessageVisibilityBatch: 'ChangeMessageVisibility',
};

/** A call of SQS. Received messages are counted from the answer, all others from the request. */
export function readSqs({ operation, region, input, output }: ServiceCall): Reading[] {
  const messages = operation === 'ReceiveMessage' ? listOf(output, 'Messages') : entriesOf(input);
  return [
    {
      service: 'sqs',
      action: `sqs:${ACTIONS[operation] ?? operation}`,
      resource: queueArn(input, region),
      items: operation === 'ReceiveMessage' ? messages.length : Math.max(1, messages.length),
      bytes: messages.reduce((sum, message) => sum + messageBytes(message), 0),
    },
  ];
}

const entriesOf = (input: Body): readonly Body[] =>
  input['Entries'] === undefined ? [input] : listOf(input, 'Entries');

/** Body and attributes count: names, types and values. */
function messageBytes(message: Body): number {
  const body = message['MessageBody'] ?? message['Body'];
  const attributes = Object.entries((message['MessageAttributes'] ?? {}) as Record<string, Body>);
  const sizes = attributes.map(([name, { DataType = '', StringValue = '', BinaryValue = '' }]) =>
    bytesOf(`${name}${DataType}${StringValue}${BinaryValue}`),
  );
  return sizes.reduce((sum, size) => sum + size, typeof body === 'string' ? bytesOf(body) : 0);
}

/** Addresses differ by service in all but their end: account and name. */
function queueArn({ QueueUrl, QueueName, SourceArn }: Body, region: string): string {
  if (typeof SourceArn === 'string') return SourceArn;
  if (typeof QueueUrl !== 'string') return `arn:aws:sqs:${region}:${ACCOUNT}:${QueueName ?? '*'}`;
  const [account, name] = new URL(QueueUrl).pathname.split('/').slice(-2);
  return `arn:aws:sqs:${region}:${account}:${name}`;
}
