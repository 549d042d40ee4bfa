import { describe, expect, it } from 'vitest';
import { parseHostConfig } from './config.ts';

const minimal = `
hub: { kind: kubernetes, kubeconfig: hub.yaml, workspace: shop }
members:
  - name: west
    kubeconfig: /etc/west.yaml
    syncTarget: { workspace: shop, name: west-target }
`;

describe('tmc.yaml', () => {
  it('fills in defaults and starts relative paths at its own folder', () => {
    const config = parseHostConfig(minimal, '/srv/tmc/tmc.yaml');
    expect(config.hub.kubeconfig).toBe('/srv/tmc/hub.yaml');
    expect(config.members[0]?.kubeconfig).toBe('/etc/west.yaml');
    expect(config.state.path).toBe('/srv/tmc/.tmc/state.db');
    expect(config.heartbeat).toEqual({ intervalMs: 4_000, thresholdMs: 10_000 });
    expect([config.hub.epoch, config.members[0]?.epoch]).toEqual([0, 0]);
  });

  it('reports all problems at once, each with name, expectation and received value', () => {
    const bad = `
hub: { kind: nomad, kubeconfig: hub.yaml }
members:
  - name: ''
    kubeconfig: 7
    syncTarget: { workspace: shop }
heartbeat: { intervalMs: 5 }
colour: red
`;
    expect(() => parseHostConfig(bad, 'tmc.yaml')).toThrowError(/tmc\.yaml is not a valid configuration/);
    let text = '';
    try {
      parseHostConfig(bad, 'tmc.yaml');
    } catch (error) {
      text = (error as Error).message;
    }
    const lines = text.split('\n').map((line) => line.trim());
    expect(lines).toContain('members.0.kubeconfig: expected string, received 7');
    expect(lines).toContain('members.0.name: expected at least 1 character(s), received ""');
    expect(lines).toContain('members.0.syncTarget.name: expected string, received nothing');
    expect(lines).toContain('heartbeat.intervalMs: expected at least 100, received 5');
    expect(lines).toContain('colour: expected no such setting, received one');
    expect(lines.some((line) => line.startsWith('hub.kind: expected'))).toBe(true);
  });

  it('never shows a long value: a credential pasted at the wrong place stays out of the message', () => {
    const secret = 'eyJhbGciOiJSUzI1NiIsImtpZCI6InNlY3JldC12YWx1ZS1vZi1hLXRva2VuIn0';
    expect(() => parseHostConfig(`hub: { kind: ${secret}, kubeconfig: k }`, 'tmc.yaml')).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining(secret.slice(0, 20)) }),
    );
  });

  it('two members of one name, or for one SyncTarget, are refused; one cluster may stand under two names', () => {
    const with2 = (name: string, target: string) =>
      `${minimal}  - { name: ${name}, kubeconfig: /etc/west.yaml, syncTarget: { workspace: shop, name: ${target} } }\n`;
    expect(parseHostConfig(with2('west-2', 'other-target'), 'tmc.yaml').members).toHaveLength(2);
    expect(() => parseHostConfig(with2('west', 'other-target'), 'tmc.yaml')).toThrowError(
      /members: expected names that differ/,
    );
    expect(() => parseHostConfig(with2('west-2', 'west-target'), 'tmc.yaml')).toThrowError(
      /members: expected one member for a SyncTarget/,
    );
  });

  it('a threshold that is not above the interval is refused: every pause would look like an outage', () => {
    expect(() =>
      parseHostConfig(`${minimal}\nheartbeat: { intervalMs: 9000, thresholdMs: 8000 }`, 'tmc.yaml'),
    ).toThrowError(/heartbeat\.thresholdMs: expected thresholdMs greater than intervalMs, received 8000/);
  });
});
