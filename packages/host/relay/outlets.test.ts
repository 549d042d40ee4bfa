import { createTestClock } from '@tmc/testkit/clock.ts';
import { describe, expect, it } from 'vitest';
import { Outlet, watchedQueue } from './outlets.ts';

function setUp() {
  const clock = createTestClock(1_000);
  const lines: string[] = [];
  const add = (fields: Record<string, unknown>, text: string) =>
    void lines.push('hint' in fields ? `${text} (${fields['hint']})` : text);
  const outlet = new Outlet('queue sync', { clock: clock.now, log: { debug: add, info: add, warn: add, error: add } });
  const fail = (error: Error) => outlet.watch(() => Promise.reject(error)).catch(() => undefined);
  return { clock, lines, outlet, fail };
}

const named = (name: string, message: string) => Object.assign(new Error(message), { name });

describe('an outlet', () => {
  it('tells once that it fails, whatever is attempted, and once that it works again', async () => {
    const { lines, outlet, fail } = setUp();
    await fail(new Error('read item 1', { cause: named('Refused', 'no') }));
    await fail(new Error('read item 2', { cause: named('Refused', 'no') }));
    expect(outlet.state()).toMatchObject({ error: 'read item 2', lastFailedMs: 1_000, lastOkMs: undefined });
    await outlet.watch(async () => 'fine');
    expect(lines).toEqual(['queue sync: read item 1', 'queue sync works again']);
    expect(outlet.state()).toMatchObject({ error: undefined, lastOkMs: 1_000 });
  });

  it('tells when the trouble becomes another one, with what to do about it', async () => {
    const { lines, fail } = setUp();
    await fail(named('TimeoutError', 'no answer'));
    await fail(named('InvalidClientTokenId', 'who?'));
    expect(lines).toEqual(['queue sync: no answer', 'queue sync: who? (check the AWS credentials of this relay)']);
  });

  it('trouble that comes and goes is told once a minute', async () => {
    const { clock, lines, outlet, fail } = setUp();
    for (let i = 0; i < 60; i += 1) {
      await fail(named('ThrottlingException', 'slow down'));
      await outlet.watch(async () => 'fine');
      await clock.advance(1_000);
    }
    expect(lines).toHaveLength(2);
    await fail(named('ThrottlingException', 'slow down'));
    expect(lines).toHaveLength(3);
  });

  it('a queue that refuses every entry of a batch fails; one that refuses some works', async () => {
    const { outlet } = setUp();
    const entries = [1, 2].map((n) => ({ body: String(n), group: 'g' }));
    await watchedQueue({ send: async () => ({ failed: [1] }) }, outlet).send(entries);
    expect(outlet.state().error).toBeUndefined();
    await watchedQueue({ send: async () => ({ failed: [0, 1] }) }, outlet).send(entries);
    expect(outlet.state().error).toBe('every entry of a batch was refused');
  });
});
