import { describe, expect, it } from 'vitest';
import { parseRelayConfig } from './config.ts';

const member = { name: 'west', kubeconfig: 'west.kubeconfig', syncTarget: { workspace: 'ws', name: 'west' } };
const url = 'https://sqs.eu-central-1.amazonaws.com/1/q';
const base = {
  member,
  aws: { region: 'eu-central-1' },
  queues: { urls: { status: url, recovery: url } },
  table: { name: 'tmc' },
};
const parse = (changes: object) => parseRelayConfig(JSON.stringify({ ...base, ...changes }), '/etc/tmc/relay.json');

function refusal(changes: object): string {
  try {
    parse(changes);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('configuration of a relay', () => {
  it('fills in defaults, and paths start at its folder', () => {
    const config = parse({});
    expect(config.member?.kubeconfig).toBe('/etc/tmc/west.kubeconfig');
    expect(config).toMatchObject({ heartbeatMs: 10_000, drainMs: 10_000, outbox: { maxInFlight: 50, lingerMs: 10 } });
    expect(config.election).toEqual({ enabled: false, leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 });
  });

  it('names every mistake at once', () => {
    const text = refusal({ heartbeat: 5, outbox: { maxInFlight: 51 }, listen: { health: 'here' }, table: {} });
    for (const part of [
      'heartbeat: expected no such',
      'outbox.maxInFlight: expected at most 50',
      'listen.health: expected an address',
      'table.name: expected string',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('a heartbeat that is rarer than readiness expects is refused', () => {
    expect(refusal({ heartbeatMs: 60_000 })).toContain('heartbeatMs');
  });

  it('reads a hub or a member, and needs the queues of that kind', () => {
    const hub = { kind: 'kubernetes', kubeconfig: 'k' };
    expect(refusal({ hub })).toContain('one of hub and member, not both');
    expect(refusal({ member: undefined })).toContain('one of hub and member, not both');
    const text = refusal({ member: undefined, hub });
    expect(text).toContain('queues.urls.placement: expected the URL of this queue');
    expect(text).toContain('queues.urls.sync: expected the URL of this queue');
  });

  it('an election whose leader could outlive its lease is refused', () => {
    expect(refusal({ election: { leaseMs: 5_000 } })).toContain('retryMs less than renewDeadlineMs less than leaseMs');
  });

  it.each([
    { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 12345678 },
    { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: '12345678', sessionKey: '87654321' },
    '12345678',
  ])('credentials of the wrong form are refused without being shown', (credentials) => {
    const text = refusal({ aws: { region: 'r', credentials } });
    expect(text).toContain('aws.credentials');
    expect(text).not.toMatch(/12345678|87654321|AKIA/);
  });

  it('credentials in a file that is no YAML are not shown', () => {
    const refused = () => parseRelayConfig('aws:\n  credentials:\n    secretAccessKey: SECRETKEY9 : bad: x', 'r.yaml');
    expect(refused).toThrow(/^r\.yaml: it is not YAML at line 3, column \d+ \([A-Z_]+\)$/);
  });
});
