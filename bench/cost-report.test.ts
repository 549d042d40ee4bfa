import { describe, expect, it } from 'vitest';
import type { Deployment } from '../stacks/outputs.ts';
import type { RecordedCall } from '../test/aws/calls/call.ts';
import { installationsOf } from './cost-fleet.ts';
import { total } from './cost-model.ts';
import { lifeOf, mixOf, phaseOf, priceOf } from './cost-report.ts';

const deployment = { queues: { recovery: { url: 'http://127.0.0.1:1/0/app-recovery' } } } as unknown as Deployment;
const call = (more: Partial<RecordedCall>): RecordedCall => ({
  identity: 'hub-relay',
  service: 'sqs',
  action: 'sqs:SendMessage',
  resource: 'arn:aws:sqs:us-east-1:0:app-sync',
  items: 4,
  bytes: 100,
  status: 200,
  request: 1,
  ...more,
});
const life = { resource: 'arn:aws:sqs:us-east-1:0:app-recovery', items: 1 };
const write = { service: 'dynamodb', action: 'dynamodb:UpdateItem', resource: 'arn:table', items: 1, writeUnits: 1 };
const counted = {
  calls: [
    call({}),
    call(life),
    call({ ...life, identity: 'relay-east' }),
    call({ ...life, identity: 'relay-west' }),
    call({ ...write, identity: 'place' }),
    call({ ...write, identity: 'hub-relay' }),
    call({ ...write, identity: 'recover', readUnits: 5 }),
  ],
  invocations: [
    { function: 'sync-down', durationMs: 900 },
    { function: 'recover', durationMs: 900 },
  ],
  logBytes: { 'sync-down': 1000, place: 500, recover: 600, sweep: 70 },
  elapsedMs: 1,
};

describe('a phase', () => {
  const phase = phaseOf('new Deployments', counted, deployment);

  it('leaves signs of life out, and prices invocations by the planned time', () => {
    expect(phase).toMatchObject({ events: 4, invocations: 1, meanMs: 900, writes: 1 });
    expect(phase.usage).toMatchObject({ sends: 1, queueRequests: 2, writeUnits: 2, logBytes: 1500 });
    expect(phase.usage.gbSeconds).toBeCloseTo(0.075, 9);
    expect(phase.calls).toEqual({
      'hub-relay sqs:SendMessage': 1,
      'place dynamodb:UpdateItem': 1,
      'hub-relay dynamodb:UpdateItem': 1,
    });
  });

  it('counts what was delivered by the run itself', () => {
    expect(phaseOf('again', counted, deployment, 10).events).toBe(14);
  });

  it('with others is a mix at the mean of their prices', () => {
    const other = phaseOf('again', { ...counted, logBytes: {} }, deployment, 8);
    const mix = mixOf('mix', [phase, other]);
    expect(mix).toMatchObject({ events: 16, invocations: 2, meanMs: 900, writes: 2 });
    expect(priceOf(mix)).toBeCloseTo((total(phase.usage) + total(other.usage)) / 16, 12);
  });
});

describe('signs of life', () => {
  it('are told apart by who sent them; each has its share of the log', () => {
    const { heartbeats, ticks, reads, pace } = lifeOf(counted, deployment);
    expect({ heartbeats, ticks, reads }).toEqual({ heartbeats: 2, ticks: 1, reads: 5 });
    expect(pace.heartbeat.logBytes).toBeCloseTo(200, 9);
  });
});

describe('installations', () => {
  it.each([
    [10, 1, 44],
    [100, 1, 224],
    [1000, 4, 4 * 524],
  ])('%d clusters are %d, with %d alarms', (clusters, parts, alarms) => {
    const all = installationsOf(clusters);
    expect(all).toHaveLength(parts);
    expect(all.reduce((sum, one) => sum + one.alarms, 0)).toBe(alarms);
    expect(all.reduce((sum, one) => sum + one.clusters, 0)).toBe(clusters);
  });
});
