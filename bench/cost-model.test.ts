import { describe, expect, it } from 'vitest';
import { added, bill, chunksOf, crossover, NOTHING, type Plan, planned, scaled, total } from './cost-model.ts';
import { atRest, commandPolling, hubRelay, karmada, kcp, type Pace, relayPods, tickReads } from './cost-rest.ts';

const WITHOUT_STATE: Plan = {
  batch: 10,
  memoryGb: 0.5,
  durationS: 0.15,
  writes: 0,
  reads: 0,
  logBytes: 300,
  commands: 1,
};
const WITH_STATE: Plan = { ...WITHOUT_STATE, writes: 2, reads: 1 };

/** Dollars of a million planned events. */
const million = (plan: Plan) => total(scaled(planned(plan), 1e6));

describe('the price of a million events, as planned before anything was built', () => {
  it('by line', () => {
    const lines = bill(scaled(planned({ ...WITH_STATE, commands: 0 }), 1e6));
    expect(lines.send).toBeCloseTo(0.05, 6);
    expect(lines.receive).toBeCloseTo(0.08, 6);
    expect(lines.lambda).toBeCloseTo(0.12, 4);
    expect(lines.writes + lines.reads).toBeCloseTo(1.375, 6);
    expect(lines.logs).toBeCloseTo(0.15, 6);
  });

  it('with and without a write for each event', () => {
    expect(million(WITH_STATE)).toBeCloseTo(1.9, 1);
    expect(million(WITHOUT_STATE)).toBeCloseTo(0.52, 2);
  });

  it('one event in each call', () => {
    expect(million({ ...WITH_STATE, batch: 1, durationS: 0.03 })).toBeCloseTo(4.43, 1);
  });
});

describe('usage', () => {
  it('adds and scales every part', () => {
    const one = {
      sends: 1,
      queueRequests: 2,
      writeUnits: 3,
      readUnits: 4,
      invocations: 5,
      gbSeconds: 6,
      logBytes: 7,
      secretCalls: 8,
    };
    expect(added(one, one)).toEqual(scaled(one, 2));
    expect(added()).toEqual(NOTHING);
    expect(bill({ ...NOTHING, secretCalls: 10_000 }).secrets).toBeCloseTo(0.05, 9);
  });

  it.each([
    [0, 1],
    [65_536, 1],
    [65_537, 2],
    [1_048_576, 16],
  ])('%d bytes are billed as %d requests', (bytes, requests) => {
    expect(chunksOf(bytes)).toBe(requests);
  });
});

describe('a month at rest', () => {
  it.each([
    [10, 0.5, 17.5, 493, 23],
    [100, 5.3, 175, 914, 233],
    [1000, 52.6, 1750, 1755, 2328],
  ])('%d clusters, as planned', (clusters, polling, relays, plane, agents) => {
    expect(commandPolling(clusters)).toBeCloseTo(polling, 1);
    expect(relayPods(clusters)).toBeCloseTo(relays, 1);
    expect(karmada(clusters).plane).toBeCloseTo(plane, -0.5);
    expect(karmada(clusters).agents).toBeCloseTo(agents, -0.5);
  });

  it("kcp and the hub's relay", () => {
    expect(kcp()).toBe(283);
    expect(hubRelay(2)).toBeCloseTo(2 * 730 * (0.25 * 0.03238 + 0.5 * 0.00356), 6);
  });

  const pace: Pace = {
    heartbeatS: 30,
    tickS: 5,
    sweepS: 60,
    heartbeat: { ...NOTHING, writeUnits: 1 },
    tick: { ...NOTHING, sends: 1 },
    sweep: NOTHING,
  };
  const installation = { clusters: 100, mappings: 4, alarms: 20, secrets: 2, metrics: 10 };

  it('heartbeats of one write each 30 s cost what was planned', () => {
    expect(atRest(installation, pace).heartbeats).toBeCloseTo(5.5, 1);
  });

  it('the rest by line', () => {
    const rest = atRest(installation, pace);
    expect(rest.polling).toBeCloseTo(4 * 5 * 131_400 * 0.4e-6, 6);
    // A tick each 5 s and a sweep a minute read the list, of eight units, and each of the hundred.
    expect(tickReads(100)).toBe(108);
    expect(rest.ticks).toBeCloseTo(525_600 * 0.5e-6 + 108 * (525_600 + 43_800) * 0.125e-6 + 43_800e-6, 6);
    expect(rest).toMatchObject({ alarms: 2, secrets: 0.8, metrics: 3 });
  });
});

describe('the rate at which both cost the same', () => {
  it.each([
    [10, 0.5 + 0.5, WITH_STATE, 43],
    [10, 0.5 + 0.5, WITHOUT_STATE, 157],
    [100, 5.3 + 5.5, WITH_STATE, 136],
    [100, 5.3 + 5.5, WITHOUT_STATE, 496],
  ])('%d clusters: as planned', (clusters, idle, plan, rate) => {
    const { plane, agents } = karmada(clusters);
    const ours = kcp() + relayPods(clusters) + idle;
    const found = crossover({ ours, theirs: plane + agents }, million(plan) / 1e6);
    expect(Math.abs(found / rate - 1)).toBeLessThan(0.01);
  });

  it('is none where events are free, and 0 where ours is dearer at rest', () => {
    expect(crossover({ ours: 1, theirs: 2 }, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(crossover({ ours: 3, theirs: 2 }, 1)).toBe(0);
  });
});
