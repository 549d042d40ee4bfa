import { describe, expect, it } from 'vitest';
import type { LeaseStore } from './lease-store.ts';
import { createLeases, type HeldLease, type Leases } from './leases.ts';

/** A fresh store per test; scopes are made unique by the suite, so that one table serves all tests. */
export type LeaseStoreHarness = { readonly name: string; readonly open: () => Promise<LeaseStore> | LeaseStore };

const LEASE_MS = 10_000;
const SKEW_MS = 1_000;
let scopes = 0;

async function setUp(harness: LeaseStoreHarness) {
  const store = await harness.open();
  scopes += 1;
  const time = { nowMs: 1_700_000_000_000 };
  const holders = { made: 0 };
  const leases = createLeases(
    store,
    () => time.nowMs,
    () => `holder-${++holders.made}`,
    { skewMs: SKEW_MS },
  );
  return { store, time, leases, scope: `contract/${process.pid}/${Date.now()}/${scopes}` };
}

async function take(leases: Leases, scope: string): Promise<HeldLease> {
  const lease = await leases.acquire(scope, LEASE_MS);
  if (!lease.held) throw new Error(`lease ${scope} is held until ${lease.heldUntilMs}`);
  return lease;
}

/** What every lease store must do; run by memory, SQLite and DynamoDB. */
export function leaseContract(harness: LeaseStoreHarness): void {
  describe(`leases on ${harness.name}`, () => {
    it('a free lease is taken with token 1, a held one says until when', async () => {
      const { leases, scope, time } = await setUp(harness);
      expect(await leases.acquire(scope, LEASE_MS)).toEqual({
        held: true,
        scope,
        token: 1,
        untilMs: time.nowMs + LEASE_MS,
      });
      const heldUntilMs = time.nowMs + LEASE_MS + SKEW_MS;
      expect(await leases.acquire(scope, LEASE_MS)).toEqual({ held: false, scope, heldUntilMs });
    });

    it('a released lease is free at once and its token goes on rising', async () => {
      const { leases, scope } = await setUp(harness);
      expect(await leases.release(await take(leases, scope))).toBe(true);
      expect((await take(leases, scope)).token).toBe(2);
    });

    it('an expired lease is followed only after the skew margin', async () => {
      const { leases, scope, time } = await setUp(harness);
      await take(leases, scope);
      time.nowMs += LEASE_MS + SKEW_MS;
      expect((await leases.acquire(scope, LEASE_MS)).held).toBe(false);
      time.nowMs += 1;
      expect((await take(leases, scope)).token).toBe(2);
    });

    it('a holder that was followed can neither renew, nor check, nor release', async () => {
      const { leases, scope, time } = await setUp(harness);
      const first = await take(leases, scope);
      time.nowMs += LEASE_MS + SKEW_MS + 1;
      const second = await take(leases, scope);
      await expect(leases.renew(first, LEASE_MS)).rejects.toMatchObject({ kind: 'lease-lost' });
      await expect(leases.check(first)).rejects.toMatchObject({ kind: 'lease-lost' });
      expect(await leases.release(first)).toBe(false);
      await leases.check(second);
    });

    it('renewing moves the end and keeps the token', async () => {
      const { leases, scope, time } = await setUp(harness);
      const lease = await take(leases, scope);
      time.nowMs += LEASE_MS - 1;
      const renewed = await leases.renew(lease, LEASE_MS);
      expect(renewed).toEqual({ ...lease, untilMs: time.nowMs + LEASE_MS });
      time.nowMs += LEASE_MS;
      expect((await leases.acquire(scope, LEASE_MS)).held).toBe(false);
    });

    it('an expired lease nobody took may still be renewed, a released one not', async () => {
      const { leases, scope, time } = await setUp(harness);
      const lease = await take(leases, scope);
      time.nowMs += 10 * LEASE_MS;
      expect((await leases.renew(lease, LEASE_MS)).token).toBe(lease.token);
      await leases.release(lease);
      await expect(leases.renew(lease, LEASE_MS)).rejects.toMatchObject({ kind: 'lease-lost' });
    });

    it('of many contenders at once exactly one takes it', async () => {
      const { leases, scope } = await setUp(harness);
      const all = await Promise.all(Array.from({ length: 8 }, () => leases.acquire(scope, LEASE_MS)));
      expect(all.filter((lease) => lease.held)).toHaveLength(1);
    });

    it('withLease runs alone, and frees the lease also when the work throws', async () => {
      const { leases, scope } = await setUp(harness);
      const inside = await leases.withLease(scope, LEASE_MS, () =>
        leases.withLease(scope, LEASE_MS, async () => 'both'),
      );
      expect(inside).toMatchObject({ ran: true, value: { ran: false } });
      const failing = leases.withLease(scope, LEASE_MS, async () => Promise.reject(new Error('work failed')));
      await expect(failing).rejects.toThrow('work failed');
      expect(await leases.withLease(scope, LEASE_MS, async (lease) => lease.token)).toEqual({ ran: true, value: 3 });
    });

    it('a write whose answer was lost is recognised as our own', async () => {
      const { store, scope, time } = await setUp(harness);
      const lossy: LeaseStore = {
        read: (s) => store.read(s),
        swap: async (s, version, next) => {
          await store.swap(s, version, next);
          return store.swap(s, version, next);
        },
      };
      const leases = createLeases(
        lossy,
        () => time.nowMs,
        () => 'only-holder',
      );
      const lease = await take(leases, scope);
      expect(lease.token).toBe(1);
      time.nowMs += 5;
      expect((await leases.renew(lease, LEASE_MS)).untilMs).toBe(time.nowMs + LEASE_MS);
      expect(await leases.release(lease)).toBe(true);
    });
  });
}
