import { describe, expect, it } from 'vitest';
import { conditionMessage } from './condition-message.ts';

describe('the message of a condition', () => {
  it('stays as it is up to 1 KiB', () => {
    expect(conditionMessage('x'.repeat(1024))).toBe('x'.repeat(1024));
  });

  it('is cut beyond, and between characters', () => {
    for (const character of ['x', 'ü', '😀']) {
      const text = conditionMessage(character.repeat(2000));
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
      expect(Buffer.byteLength(text)).toBeGreaterThan(1016);
      expect(text).toMatch(new RegExp(`^(${character})+ …$`, 'u'));
    }
  });
});
