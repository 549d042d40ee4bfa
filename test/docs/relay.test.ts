import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseRelayConfig } from '@tmc/host/relay/config.ts';
import { RELAY_METRICS } from '@tmc/host/relay-metrics.ts';
import { WATCH_STATES } from '@tmc/relay/watch-state.ts';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { NODE_FLAGS } from '../chaos/names.ts';

/** docs/operations/relay.md and the manifests beside it say what the program does. */

const root = resolve(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const page = read('docs/operations/relay.md');

/** The rows of the table under a heading, each as its first cell. */
function firstCells(heading: string): string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell]) => cell as string);
}

const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);

describe('the page about the relay', () => {
  it('has a row for every state, in order, and for nothing else', () => {
    expect(firstCells('States of a source').flatMap(quoted)).toEqual([...WATCH_STATES]);
  });

  it('names every metric, and none that is not there', () => {
    const named = firstCells('Metrics')
      .flatMap(quoted)
      .map((series) => series.replace(/\{.*\}$/, ''));
    expect(named.sort()).toEqual([...RELAY_METRICS].sort());
  });

  it('shows configurations that are valid', () => {
    const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text as string);
    const configs = blocks.map((text) => parseRelayConfig(text, '/etc/tmc/relay.yaml'));
    expect(configs.map(({ hub, member }) => hub?.kind ?? member?.name)).toEqual(['kubernetes', 'kcp-west']);
  });

  it('names the defaults that hold', () => {
    const config = parseRelayConfig(page.match(/```yaml\n([\s\S]*?)```/)?.[1] ?? '', '/etc/tmc/relay.yaml');
    const { heartbeatMs, antiEntropyMs, outbox, drainMs, election, listen, log } = config;
    const cells = (setting: string) => page.match(new RegExp(`^\\| \`${setting}\`[^|]*\\| ([^|]*) \\|`, 'm'))?.[1];
    expect(cells('heartbeatMs')).toBe(String(heartbeatMs));
    expect(cells('antiEntropyMs')).toBe(String(antiEntropyMs));
    expect(cells('outbox.maxBytes')).toBe(String(outbox.maxBytes));
    expect(cells('outbox.maxInFlight')).toBe(`${outbox.maxInFlight}, ${outbox.lingerMs}`);
    expect(cells('drainMs')).toBe(String(drainMs));
    expect(cells('election.enabled')).toBe(String(election.enabled));
    expect(cells('election.leaseMs')).toBe([election.leaseMs, election.renewDeadlineMs, election.retryMs].join(', '));
    expect(cells('listen.health')).toBe(`${listen.health}, ${listen.metrics}`);
    expect(cells('log.level')).toBe(log.level);
  });
});

type Manifest = { kind: string; data?: Record<string, string>; spec?: Record<string, unknown> };

describe('memory', () => {
  it('is limited by the flags the chaos run has, wherever the relay is deployed', () => {
    const [systemd, container] = [read('deploy/relay/tmc-relay.service'), page];
    expect(systemd).toContain(`node ${NODE_FLAGS.join(' ')} /opt/tmc/relay.mjs`);
    expect(container).toContain(`node ${NODE_FLAGS.join(' ')} /relay.mjs`);
    expect(read('deploy/relay/member.yaml')).toContain(`[node, ${NODE_FLAGS.join(', ')}, /relay.mjs,`);
  });
});

describe('the image', () => {
  const lines = read('deploy/relay/Dockerfile')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

  it('starts the bundle on the pinned Node, as a user without rights, with the flags of the manifests', () => {
    const node = (JSON.parse(read('package.json')) as { devDependencies: Record<string, string> }).devDependencies[
      'node'
    ];
    const entry = ['node', ...NODE_FLAGS, '/relay.mjs'].map((word) => JSON.stringify(word)).join(', ');
    expect(lines).toEqual([
      `FROM node:${node}-slim`,
      'COPY --chmod=444 relay.mjs /relay.mjs',
      'USER 65532:65532',
      `ENTRYPOINT [${entry}]`,
      'CMD ["--config", "/etc/tmc/relay.yaml"]',
    ]);
    expect(read('scripts/bundle-relay.ts')).toContain('dist/relay.mjs');
    expect(read('stacks/sst/relay.ts')).toMatch(/architecture: 'arm64'/);
  });

  it('is built by the command of the page, for what Fargate runs', () => {
    expect(page).toMatch(/^docker buildx build --platform linux\/arm64 --file deploy\/relay\/Dockerfile .* dist$/m);
  });
});

describe('the manifest of a member relay', () => {
  const text = read('deploy/relay/member.yaml').replace(/<([a-z-]+)>/g, '$1');
  const manifests = parseAllDocuments(text).map((document) => document.toJS() as Manifest);

  it('holds a configuration that is valid once its blanks are filled', () => {
    const data = manifests.find(({ kind }) => kind === 'ConfigMap')?.data ?? {};
    const config = parseRelayConfig(data['relay.yaml'] ?? '', '/etc/tmc/relay.yaml');
    expect([config.election.enabled, config.member?.kubeconfig]).toEqual([true, '/etc/tmc/kubeconfig']);
    expect(Object.keys(data)).toContain('kubeconfig');
  });

  it('runs as nobody, on a file system it cannot write', () => {
    const deployment = JSON.stringify(manifests.find(({ kind }) => kind === 'Deployment')?.spec);
    expect(deployment).toContain('"runAsNonRoot":true');
    expect(deployment).toContain('"readOnlyRootFilesystem":true');
    expect(deployment).toContain('"path":"/readyz"');
  });
});
