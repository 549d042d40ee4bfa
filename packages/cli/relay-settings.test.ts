import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deployment } from '../../stacks/outputs.ts';
import type { RelayOptions } from './relay-options.ts';
import { relaySettings } from './relay-settings.ts';

const AWS = 'https://sqs.eu-central-1.amazonaws.com/111122223333';
const LOCAL = 'http://127.0.0.1:4566/000000000000';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tmc-relay-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file and gives its path. */
function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function deployment(at: string): Deployment {
  const queue = (name: string) => ({ url: `${at}/tmc-dev-${name}`, deadLetterUrl: `${at}/tmc-dev-${name}-dead` });
  return {
    stage: 'dev',
    region: 'eu-central-1',
    table: 'tmc-dev-State',
    queues: {
      placement: queue('placement'),
      sync: queue('sync'),
      status: queue('status'),
      recovery: queue('recovery'),
    },
    commandQueues: { west: queue('commands-west') },
    functions: { place: 'tmc-dev-place' },
    roles: { 'hub-relay': 'arn:aws:iam::111122223333:role/tmc-dev-hub-relay' },
    apiUrl: 'https://abc.lambda-url.eu-central-1.on.aws/',
  };
}

const settings = (options: RelayOptions, env: Record<string, string> = {}) => relaySettings(options, env);

function refusal(options: RelayOptions, env: Record<string, string> = {}): string {
  try {
    settings(options, env);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

const HUB_QUEUES = ['placement', 'sync', 'recovery'].map((name) => `${name}=${AWS}/${name}`);

describe('settings of a relay', () => {
  it('a hub relay needs options only', () => {
    const options = { hub: 'hub.yaml', workspace: 'shop', queueUrl: HUB_QUEUES, table: 'tmc', region: 'eu-central-1' };
    expect(settings(options)).toMatchObject({
      hub: { kind: 'kubernetes', kubeconfig: resolve('hub.yaml'), workspace: 'shop' },
      aws: { region: 'eu-central-1' },
      queues: { urls: { placement: `${AWS}/placement`, sync: `${AWS}/sync`, recovery: `${AWS}/recovery` } },
      table: { name: 'tmc' },
    });
  });

  it('so does a relay of a kcp hub, and one of a member', () => {
    const path = file('aws.json', deployment(AWS));
    const kcp = settings({ hub: 'k', export: 'root:tmc/tmc.kcp.io', context: 'admin', deployment: path });
    expect(kcp.hub).toMatchObject({
      kind: 'kcp',
      export: { workspace: 'root:tmc', name: 'tmc.kcp.io' },
      context: 'admin',
    });
    const member = { member: 'west', kubeconfig: 'west.yaml', syncTarget: 'shop/west', context: 'c', deployment: path };
    const { member: read, listen } = settings({ ...member, health: '127.0.0.1:9001', metrics: '127.0.0.1:9002' });
    expect(read).toMatchObject({ name: 'west', context: 'c', syncTarget: { workspace: 'shop', name: 'west' } });
    expect(listen).toEqual({ health: '127.0.0.1:9001', metrics: '127.0.0.1:9002' });
  });

  it('a deployment counts before the file, an option before both', () => {
    const config = file('relay.yaml', {
      hub: { kind: 'kubernetes', kubeconfig: 'hub.yaml', workspace: 'shop' },
      aws: { region: 'us-east-1' },
      queues: { urls: { placement: `${AWS}/of-file`, sync: `${AWS}/of-file` } },
      table: { name: 'of-file' },
      heartbeatMs: 5_000,
    });
    const path = file('aws.json', deployment(AWS));
    const read = settings({ config, deployment: path, table: 'of-option', context: 'other' });
    expect(read.hub).toMatchObject({ kubeconfig: join(folder, 'hub.yaml'), workspace: 'shop', context: 'other' });
    expect(read.queues.urls.placement).toBe(`${AWS}/tmc-dev-placement`);
    expect([read.aws.region, read.table.name, read.heartbeatMs]).toEqual(['eu-central-1', 'of-option', 5_000]);
  });

  it('reads them from an environment variable, kubeconfig and all', () => {
    const text = `
hub: { kind: kubernetes, workspace: shop, kubeconfigData: "apiVersion: v1" }
aws: { region: eu-central-1 }
table: { name: tmc }
queues: { urls: { placement: ${AWS}/p, sync: ${AWS}/s, recovery: ${AWS}/r } }
`;
    expect(settings({ config: 'env:TMC_RELAY_CONFIG' }, { TMC_RELAY_CONFIG: text }).hub).toMatchObject({
      kubeconfigData: 'apiVersion: v1',
    });
    expect(refusal({ config: 'env:TMC_RELAY_CONFIG' })).toBe(
      'cannot read the configuration from environment variable TMC_RELAY_CONFIG: it is not set',
    );
  });

  it('names every mistake at once: of the form of options, of values, and what is missing', () => {
    const text = refusal({
      hub: 'hub.yaml',
      member: 'west',
      syncTarget: 'west',
      queueUrl: ['sync', `plcement=${AWS}/p`],
      region: 'eu-central-1',
      health: 'here',
    });
    for (const part of [
      '--sync-target: expected <workspace>/<name>, received "west"',
      '--queue-url.0: expected <queue>=<url>, received "sync"',
      'queues.urls.plcement: expected',
      'table.name: expected string, received nothing',
      'listen.health: expected an address host:port, received "here"',
      'member: expected one of hub and member, not both',
      'member.kubeconfig: expected one of kubeconfig and kubeconfigData, received nothing',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('names the queues that miss a URL, whatever else is wrong', () => {
    const text = refusal({ member: 'west', kubeconfig: 'k', syncTarget: 'shop/west' });
    for (const part of ['aws.region', 'table.name', 'queues.urls.status', 'queues.urls.recovery']) {
      expect(text).toContain(`${part}: expected`);
    }
    expect(text).not.toContain('queues.urls.sync');
  });

  it.each([
    ['hub', { kind: 'kubernetes', kubeconfigData: { users: [{ token: 'SECRET9' }] } }],
    ['hub', 'token: SECRET9'],
    ['member', { name: 'west', kubeconfig: 'users:\n- token: SECRET9', kubeconfigData: ['SECRET9'] }],
  ])('a kubeconfig in the wrong place or form is not shown (%s)', (side, value) => {
    const TMC_RELAY_CONFIG = JSON.stringify({ [side]: value });
    const text = refusal({ config: 'env:TMC_RELAY_CONFIG' }, { TMC_RELAY_CONFIG });
    expect(text).toContain(`${side}`);
    expect(text).not.toContain('SECRET9');
  });

  it('a variable that holds something else altogether is not shown', () => {
    const text = refusal({ config: 'env:X' }, { X: 'SECRET9' });
    expect(text).toMatch(/^environment variable X is not a valid configuration:\n {2}\(whole file\): expected object/);
    expect(text).not.toContain('SECRET9');
  });

  it.each([
    ['{', 'it is not JSON'],
    ['{"stage":"dev","queues":{}}', 'queues.placement: expected object, received nothing'],
  ])('a deployment that is none is refused: %s', (content, reason) => {
    const text = refusal({ hub: 'k', deployment: file('none.json', content) });
    expect(text).toContain(reason);
    expect(text).toContain('none.json');
  });
});

describe('the service that queues and table are at', () => {
  const options: RelayOptions = { hub: 'k', table: 'tmc', region: 'eu-central-1' };
  const at = (urls: string) => ['placement', 'sync', 'recovery'].map((name) => `${name}=${urls}/${name}`);
  const test = { accessKeyId: 'test', secretAccessKey: 'test' };

  it('is AWS where the queues are there', () => {
    const read = settings({ ...options, queueUrl: at(AWS) });
    expect([read.queues.endpoint, read.table.endpoint, read.aws.credentials]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each([
    [LOCAL, 'http://127.0.0.1:4566'],
    ['http://sqs.eu-central-1.localhost.localstack.cloud:4566/1', 'http://localhost.localstack.cloud:4566'],
  ])('is that of queues at %s, with credentials that count for nothing', (urls, endpoint) => {
    const read = settings({ ...options, queueUrl: at(urls) });
    expect([read.queues.endpoint, read.table.endpoint]).toEqual([endpoint, endpoint]);
    expect(read.aws.credentials).toEqual(test);
  });

  it('is the one given by option or environment', () => {
    const endpointUrl = 'http://127.0.0.1:1';
    expect(settings({ ...options, queueUrl: at(LOCAL), endpointUrl }).table.endpoint).toBe(endpointUrl);
    const env = { AWS_ENDPOINT_URL: 'http://127.0.0.1:2', AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:3' };
    const read = settings({ ...options, queueUrl: at(LOCAL) }, env);
    expect([read.queues.endpoint, read.table.endpoint]).toEqual(['http://127.0.0.1:2', 'http://127.0.0.1:3']);
  });

  it('leaves the credentials to the environment where it has some, and elsewhere than on this machine', () => {
    const named = settings({ ...options, queueUrl: at(LOCAL) }, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' });
    expect(named.aws.credentials).toBeUndefined();
    expect(settings({ ...options, queueUrl: at('http://queues.example/1') }).aws.credentials).toBeUndefined();
  });

  it('takes the region of the environment where nothing else names one', () => {
    const { region: _, ...rest } = options;
    expect(settings({ ...rest, queueUrl: at(AWS) }, { AWS_REGION: 'eu-west-1' }).aws.region).toBe('eu-west-1');
  });
});
