import { retryError, terminalError } from '@tmc/kernel/errors.ts';
import { describe, expect, it } from 'vitest';
import { cachedToken } from './token-cache.ts';

const MINUTE = 60_000;

/** A token kept for ten minutes; each load waits until it is let go. */
function world() {
  let nowMs = 0;
  let loads = 0;
  const waiting: { resolve: (token: string) => void; reject: (error: unknown) => void }[] = [];
  const load = () => {
    loads += 1;
    return new Promise<string>((resolve, reject) => waiting.push({ resolve, reject }));
  };
  const { authorization, refused } = cachedToken({ load, keepMs: 10 * MINUTE, clock: () => nowMs });
  return {
    authorization,
    refused,
    loads: () => loads,
    pass: (ms: number) => (nowMs += ms),
    give: async (token: string) => waiting.shift()?.resolve(token),
    fail: async (error: unknown) => waiting.shift()?.reject(error),
  };
}

/** With a first token at hand. */
async function loaded() {
  const made = world();
  const first = made.authorization();
  await made.give('one');
  expect(await first).toBe('Bearer one');
  return made;
}

describe('cached token', () => {
  it('is loaded at the first use, once for all who wait', async () => {
    const { authorization, give, loads } = world();
    expect(loads()).toBe(0);
    const asked = [authorization(), authorization()];
    await give('one');
    expect(await Promise.all(asked)).toEqual(['Bearer one', 'Bearer one']);
    expect([loads(), authorization()]).toEqual([1, 'Bearer one']);
  });

  it('is renewed before its time is over, while the old one serves', async () => {
    const { authorization, pass, give, loads } = await loaded();
    pass(8 * MINUTE);
    expect(authorization()).toBe('Bearer one');
    expect(authorization()).toBe('Bearer one');
    expect(loads()).toBe(2);
    await give('two');
    await expect.poll(() => authorization()).toBe('Bearer two');
  });

  it('is waited for once its time is over', async () => {
    const { authorization, pass, give } = await loaded();
    pass(10 * MINUTE);
    const asked = authorization();
    await give('two');
    expect(await asked).toBe('Bearer two');
  });

  it('serves on while nobody answers, but not against a refusal', async () => {
    const { authorization, pass, fail } = await loaded();
    pass(10 * MINUTE);
    const asked = authorization();
    await fail(retryError('nobody answers', { type: 'NetworkConnectivity' }));
    expect(await asked).toBe('Bearer one');
    const again = authorization();
    await fail(terminalError('no right', { type: 'ConfigurationError' }));
    await expect(again).rejects.toThrow('no right');
  });

  it('is loaded anew when it was refused, once for all who were refused', async () => {
    const { authorization, refused, pass, give, loads } = await loaded();
    pass(MINUTE);
    refused('Bearer one');
    const asked = authorization();
    await give('two');
    expect(await asked).toBe('Bearer two');
    refused('Bearer one');
    expect([authorization(), loads()]).toEqual(['Bearer two', 2]);
  });

  it('that is refused as soon as it was loaded is not loaded for every request', async () => {
    const { authorization, refused, pass, loads } = await loaded();
    pass(4_999);
    refused('Bearer one');
    expect([authorization(), loads()]).toEqual(['Bearer one', 1]);
    pass(1);
    refused('Bearer one');
    expect(authorization()).toBeInstanceOf(Promise);
    expect(loads()).toBe(2);
  });

  it('that could not be loaded is asked for again by the next', async () => {
    const { authorization, give, fail } = world();
    const first = authorization();
    await fail(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    const second = authorization();
    await give('one');
    expect(await second).toBe('Bearer one');
  });
});
