import type { SourceVersion } from '@tmc/kernel/source-version.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochOfFresh, floorOf, standingOf } from './fence.ts';

const at = (epoch: number, rv: string | number, uid = 'u1'): SourceVersion => ({ epoch, uid, rv: String(rv) });

describe('where a state stands against a copy', () => {
  it.each<[string, SourceVersion | undefined, SourceVersion, string]>([
    ['a copy that records nothing', undefined, at(1, 5), 'newer'],
    ['the state it was written from', at(1, 5), at(1, 5), 'same'],
    ['a later revision', at(1, 5), at(1, 6), 'newer'],
    ['an earlier revision: late, or the hub was restored', at(1, 5), at(1, 4), 'doubtful'],
    ['a lower revision of a later epoch', at(1, 99), at(2, 3), 'newer'],
    ['a higher revision of an earlier epoch: late, or the epoch is not known here', at(2, 3), at(1, 99), 'doubtful'],
    ['a later incarnation', at(1, 5), at(1, 9, 'u2'), 'newer'],
    ['an earlier incarnation', at(1, 9, 'u2'), at(1, 5), 'doubtful'],
    ['an epoch without a next one: somebody wrote nonsense', at(Number.MAX_SAFE_INTEGER, 5), at(1, 4), 'newer'],
  ])('%s', (_title, recorded, state, standing) => expect(standingOf(recorded, state)).toBe(standing));
});

describe('the epoch of a state that the hub gave after the copy was read', () => {
  it.each<[string, SourceVersion, number, number, number]>([
    ['is that of the copy when its revision is no lower: somebody was faster', at(1, 5), 7, 1, 1],
    ['is that of the copy when it is what the copy records', at(1, 5), 5, 1, 1],
    ['is the next when its revision is lower: the hub was restored', at(1, 99), 7, 1, 2],
    ['is that of the copy when only the configured epoch is behind', at(4, 5), 7, 1, 4],
    ['is the next after that of the copy when the hub was restored once more', at(4, 99), 7, 1, 5],
    ['is the told one when that is higher than the copy knows', at(1, 99), 7, 3, 3],
    ['is the told one when the copy records nonsense', at(Number.MAX_SAFE_INTEGER, 99), 7, 3, 3],
  ])('%s', (_title, recorded, rv, floor, epoch) => {
    expect(epochOfFresh(recorded, String(rv), floor)).toBe(epoch);
  });

  const version = fc.record({ epoch: fc.nat(5), uid: fc.constantFrom('a', 'b'), rv: fc.nat(20).map(String) });

  it('makes it no older than the copy, so that no second doubt follows, and never skips an epoch', () => {
    fc.assert(
      fc.property(version, fc.nat(20), fc.nat(5), (recorded, rv, floor) => {
        const epoch = epochOfFresh(recorded, String(rv), floor);
        expect(standingOf(recorded, at(epoch, rv))).not.toBe('doubtful');
        expect(epoch).toBeGreaterThanOrEqual(Math.max(recorded.epoch, floor));
        expect(epoch).toBeLessThanOrEqual(Math.max(recorded.epoch + 1, floor));
      }),
    );
  });
});

describe('the lowest epoch a state in a message can have', () => {
  it.each([
    ['the configured one', 3, { kind: 'hub', epoch: 2 }, 3],
    ['the one a hub relay tells', 1, { kind: 'hub', epoch: 2 }, 2],
    ['the one a function passes on', 1, { kind: 'function', epoch: 2 }, 2],
    ['not one that a member relay counts of its own cluster', 1, { kind: 'member', epoch: 7 }, 1],
  ] as const)('is %s', (_title, configured, source, floor) => expect(floorOf(configured, source)).toBe(floor));
});
