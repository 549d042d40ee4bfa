import type { MemberApi } from '@tmc/kernel/ports.ts';
import { describe, expect, it } from 'vitest';
import { followMembers } from './followed-members.ts';

const MINUTE = 60_000;

/** A list of names in a secret; a member is known by its name. */
async function world(first: string) {
  let nowMs = 0;
  const secret = { text: first, reads: 0, fails: false };
  const closed: string[] = [];
  const warned: unknown[] = [];
  const read = async () => {
    secret.reads += 1;
    if (secret.fails) throw new Error('no answer');
    return secret.text;
  };
  const connect = async (text: string) => {
    if (text === 'broken') throw new Error('no list');
    const names = text.split(' ');
    const member = (key: string) => (names.includes(key) ? ({ key } as unknown as MemberApi) : undefined);
    return { member, close: () => void closed.push(text) };
  };
  const log = { info: () => undefined, warn: (fields: object) => void warned.push(fields) };
  const followed = await followMembers({ read, connect, clock: () => nowMs, log });
  return { ...followed, secret, closed, warned, pass: (ms: number) => (nowMs += ms) };
}

describe('members of a list in a secret', () => {
  it('are read once for five minutes', async () => {
    const { member, refresh, secret, pass } = await world('east west');
    pass(5 * MINUTE - 1);
    await refresh();
    expect([secret.reads, member('west') !== undefined, member('north')]).toEqual([1, true, undefined]);
  });

  it('follow a change, and what is no longer listed is closed', async () => {
    const { member, refresh, secret, closed, pass } = await world('east west');
    secret.text = 'east north';
    pass(5 * MINUTE);
    await refresh();
    expect([member('north') !== undefined, member('west'), closed]).toEqual([true, undefined, ['east west']]);
    await refresh();
    expect(secret.reads).toBe(2);
  });

  it('keep their connections while the list is the same', async () => {
    const { refresh, closed, pass } = await world('east');
    pass(5 * MINUTE);
    await refresh();
    expect(closed).toEqual([]);
  });

  it.each([
    ['cannot be read', { fails: true }],
    ['is no list', { text: 'broken' }],
  ])('stay as they were while the new list %s', async (_, change) => {
    const { member, refresh, secret, closed, warned, pass } = await world('east');
    Object.assign(secret, change);
    pass(5 * MINUTE);
    await refresh();
    expect([member('east') !== undefined, closed, warned.length]).toEqual([true, [], 1]);
    Object.assign(secret, { fails: false, text: 'west' });
    pass(5 * MINUTE);
    await refresh();
    expect(member('west')).toBeDefined();
  });

  it('that cannot be read at the start are an error', async () => {
    await expect(world('broken')).rejects.toThrow('no list');
  });
});
