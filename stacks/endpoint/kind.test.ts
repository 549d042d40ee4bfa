import { describe, expect, it } from 'vitest';
import { digest, physicalName } from './kind.ts';
import { queueKinds } from './kinds/queue.ts';

const WHERE = {
  app: 'tmc',
  stage: 'dev',
  account: '000000000000',
  region: 'us-east-1',
  endpoint: 'http://127.0.0.1:4566',
  bucket: 'b',
};

/** Asks for nothing: planning looks at inputs only. */
const [queue] = queueKinds({ sqs: undefined as never }, WHERE);

describe('inputs of a resource', () => {
  it('count as unsaid where they are undefined, and have the defaults of AWS', async () => {
    const planned = await queue!.plan({ name: 'q', delaySeconds: undefined, redrivePolicy: null }, 'Queue');
    expect(planned.identity).toEqual({ queue: 'q' });
    expect(planned.fields).toMatchObject({ VisibilityTimeout: 30, DelaySeconds: 0, RedrivePolicy: '' });
    expect(planned.outputs(undefined, false)).toMatchObject({
      url: 'http://127.0.0.1:4566/000000000000/q',
      arn: 'arn:aws:sqs:us-east-1:000000000000:q',
    });
  });

  it('are never left out silently', async () => {
    await expect(queue!.plan({ name: 'q', kmsMasterKeyId: 'k' }, 'Queue')).rejects.toThrow('kmsMasterKeyId');
  });

  it('are compared by what a policy says, not by how it is written', async () => {
    const one = await queue!.plan({ name: 'q', redrivePolicy: '{"a":1,"b":2}' }, 'Queue');
    const other = await queue!.plan({ name: 'q', redrivePolicy: '{ "b": 2, "a": 1 }' }, 'Queue');
    expect(digest(one.fields)).toBe(digest(other.fields));
  });
});

it('a name that the program leaves out is that of app, stage and resource, and stays apart when it is cut', () => {
  expect(physicalName(WHERE, 'Thing', 64)).toBe('tmc-dev-Thing');
  const [one, other] = ['one', 'other'].map((end) => physicalName(WHERE, 'x'.repeat(80) + end, 64));
  expect([one?.length, one === other]).toEqual([64, false]);
});
