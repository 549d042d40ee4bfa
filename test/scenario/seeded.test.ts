import { describe, expect, it } from 'vitest';
import { SABOTAGES, type Sabotage } from './seeded/sabotage.ts';
import { describeFailures, runSeeds } from './seeded/seeds.ts';

/**
 * Whole worlds in one process and on virtual time. Per seed: users at work, every message delivered at least twice and out of
 * order, 409, 429, 5xx, lost connections, cut watches, crashing functions. TMC_SEED=n runs one seed, TMC_SEEDS=n so many; CI runs 1,000.
 */

const only = process.env['TMC_SEED'];
const count = Number(process.env['TMC_SEEDS'] ?? 300);
const seeds = only === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(only)];
/** A seed takes about 0.2 s of one core. */
const deadlineMs = 60_000 + seeds.length * 500;

describe('disturbed worlds', () => {
  it(
    `end in the state that hub and policy ask for, and rest there (${seeds.length} seeds)`,
    async () => {
      const results = await runSeeds(seeds);
      expect(results).toHaveLength(seeds.length);
      expect(describeFailures(results)).toBe('');
      if (only !== undefined) return;
      // Faults that never happen prove nothing.
      const kinds = new Set(results.flatMap(({ counts }) => Object.keys(counts)));
      const wanted = [
        'duplicate',
        'conflict',
        'throttle',
        'serverError',
        'lostBefore',
        'lostAfter',
        'cutWatch',
        'crash',
      ];
      if (count >= 20) expect([...kinds]).toEqual(expect.arrayContaining(wanted));
    },
    deadlineMs,
  );

  it.each(Object.keys(SABOTAGES) as Sabotage[])('are found out to be wrong with %s', async (sabotage) => {
    const results = await runSeeds(
      Array.from({ length: 100 }, (_, index) => index + 1),
      sabotage,
    );
    expect(results.some(({ wrongs }) => wrongs.length > 0)).toBe(true);
  });
});
