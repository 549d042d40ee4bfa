import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Known } from './packed-record.ts';
import { PackedTable } from './packed-table.ts';

const UUID = '3f2b8c1e-77aa-4d1e-9c55-0123456789ab';
const known = (rv: bigint, more: Partial<Known> = {}): Known => ({
  rv,
  uid: UUID,
  hash: 'abcdefghijklmno_',
  held: false,
  upstream: undefined,
  ...more,
});

const value = fc.record({
  rv: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  uid: fc.oneof(fc.uuid(), fc.string({ minLength: 1, maxLength: 60 }), fc.constant(UUID.toUpperCase())),
  hash: fc.constantFrom('abcdefghijklmno_', '0123456789ABCDE-'),
  held: fc.boolean(),
  upstream: fc.option(fc.string({ minLength: 1, maxLength: 40 }), { nil: undefined }),
});
const key = fc.oneof(fc.constantFrom('w|d/a', 'w|d/b', 'w|d/ü', '|/'), fc.string({ minLength: 1, maxLength: 20 }));
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('put' as const), key, value }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key, value }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('mark' as const), key, value }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('begin' as const), key, value }) },
);

describe('a packed table', () => {
  it('holds what a map would hold, and knows what a round has not seen', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const table = new PackedTable();
        const model = new Map<string, Known>();
        const seen = new Set<string>();
        const acts: Record<(typeof steps)[number]['do'], (name: string, entry: Known) => void> = {
          put: (name, entry) => {
            table.put(name, entry);
            model.set(name, entry);
            seen.add(name);
          },
          delete: (name) => {
            table.delete(name);
            model.delete(name);
          },
          mark: (name) => {
            table.mark('listed', name);
            if (model.has(name)) seen.add(name);
          },
          begin: () => {
            table.beginRound('listed');
            seen.clear();
          },
        };
        for (const act of steps) {
          acts[act.do](act.key, act.value);
          expect(table.find(act.key)).toEqual(model.get(act.key));
        }
        expect(table.size).toBe(model.size);
        expect([...table.keys()].sort()).toEqual([...model.keys()].sort());
        const unseen = [...model].filter(([name]) => !seen.has(name));
        expect(new Map(table.unseen('listed'))).toEqual(new Map(unseen));
      }),
      { numRuns: 300 },
    );
  });

  it('gives room back: ten times as many changes as entries take no more than twice their place', () => {
    const table = new PackedTable();
    for (let round = 0; round < 10; round += 1) {
      for (let i = 0; i < 5_000; i += 1) table.put(`w|d/${i}`, known(BigInt(i), { upstream: 'x'.repeat(1 + round) }));
      for (let i = 0; i < 5_000; i += 2) table.delete(`w|d/${i}`);
    }
    expect(table.size).toBe(2_500);
    expect(table.bytes).toBeLessThan(2_500 * 120 * 2 + 4 * 256 * 1024);
    expect([...table.keys()]).toHaveLength(2_500);
    expect(table.find('w|d/4999')).toMatchObject({ rv: 4_999n, upstream: 'x'.repeat(10) });
  });

  it('takes at most 200 bytes for an object of usual names, with all it needs to find it', () => {
    const table = new PackedTable();
    const count = 20_000;
    for (let i = 0; i < count; i += 1)
      table.put(`2hwz9858cyir31hl|namespace-${i % 100}/deployment-${i}`, known(BigInt(i)));
    expect(table.bytes / count).toBeLessThan(160);
  });

  it('tells more than 255 rounds apart', () => {
    const table = new PackedTable();
    table.put('w|d/a', known(1n));
    for (let round = 0; round < 255; round += 1) {
      table.beginRound('compared');
      expect([...table.unseen('compared')]).toHaveLength(1);
    }
  });

  it('does not remember an upstream annotation that cannot be ours', () => {
    const table = new PackedTable();
    table.put('w|d/a', known(1n, { upstream: 'x'.repeat(200_000) }));
    expect(table.find('w|d/a')).toEqual(known(1n));
    expect(() => table.put('w|d/b', known(1n, { uid: 'x'.repeat(300) }))).toThrow('a uid of 300 bytes');
  });
});
