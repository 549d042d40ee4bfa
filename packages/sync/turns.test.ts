import { describe, expect, it } from 'vitest';
import { createTurns } from './turns.ts';

describe('turns', () => {
  it('of one id come one after another, of different ids at once; a failure holds up nobody', async () => {
    const inTurn = createTurns();
    const seen: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = inTurn('a', async () => {
      seen.push('first');
      await gate.promise;
      throw new Error('failed');
    });
    const second = inTurn('a', async () => void seen.push('second'));
    await inTurn('b', async () => void seen.push('other'));
    expect(seen).toEqual(['first', 'other']);
    gate.resolve();
    await expect(first).rejects.toThrow('failed');
    await second;
    expect(seen).toEqual(['first', 'other', 'second']);
    expect(await inTurn('a', async () => 'again')).toBe('again');
  });
});
