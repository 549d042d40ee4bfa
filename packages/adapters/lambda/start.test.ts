import { messageOf } from '@tmc/kernel/errors.ts';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { handlerFromEnvironment } from './start.ts';

const context = {} as Context;
const queue = { url: 'https://sqs/q', deadLetterUrl: 'https://sqs/q-dead' };

describe('a handler from the environment', () => {
  beforeEach(() => {
    const queues = { placement: queue, sync: queue, status: queue, recovery: queue };
    vi.stubEnv('TMC_QUEUES', JSON.stringify(queues));
  });
  afterEach(() => vi.unstubAllEnvs());

  it('is made at the first invocation and kept, whatever its function throws', async () => {
    let made = 0;
    const handler = handlerFromEnvironment('redrive', ({ env }) => {
      made += 1;
      return async (event: string) => {
        if (event === 'bad') throw new Error('no such event');
        return `${event} ${env.TMC_QUEUES.sync.url}`;
      };
    });
    expect(made).toBe(0);
    expect(await handler('one', context)).toBe('one https://sqs/q');
    await expect(handler('bad', context)).rejects.toThrow('no such event');
    expect(await handler('two', context)).toBe('two https://sqs/q');
    expect(made).toBe(1);
  });

  it('that could not be made is made by the next invocation', async () => {
    let isHubUp = false;
    const handler = handlerFromEnvironment('redrive', async () => {
      if (!isHubUp) throw new Error('hub away');
      return async () => 'answer';
    });
    await expect(handler({}, context)).rejects.toThrow('hub away');
    isHubUp = true;
    expect(await handler({}, context)).toBe('answer');
  });

  it('is not made from an environment with faults', async () => {
    vi.stubEnv('TMC_QUEUES', '{}');
    const handler = handlerFromEnvironment('redrive', () => async () => 'answer');
    const error = await handler({}, context).catch((reason: unknown) => reason);
    expect(messageOf(error)).toMatch(
      /^the environment of function redrive is not a valid configuration:\n {2}TMC_QUEUES\.placement: /,
    );
  });
});
