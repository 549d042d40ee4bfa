import type { Context } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { scheduledFunction } from './scheduled-function.ts';

function world(run: () => Promise<void>) {
  const logged: unknown[] = [];
  const note = (...given: unknown[]) => void logged.push(given);
  let nowMs = 0;
  const log = { debug: note, info: note, warn: note, error: note };
  return { logged, invoke: scheduledFunction({ run, log, clock: () => (nowMs += 7) }) };
}

describe('a scheduled function', () => {
  it('says how long it took', async () => {
    const { invoke, logged } = world(async () => undefined);
    expect(await invoke({ time: '2026-01-01T00:00:00Z' }, {} as Context)).toBeUndefined();
    expect(logged).toEqual([[{ outcome: 'done', durationMs: 7 }, 'schedule kept']]);
  });

  it('throws what went wrong, for Lambda counts and repeats it', async () => {
    const { invoke } = world(() => Promise.reject(new Error('hub away')));
    await expect(invoke({}, {} as Context)).rejects.toThrow('hub away');
  });
});
