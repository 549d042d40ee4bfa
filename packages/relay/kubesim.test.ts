import { bearerToken } from '@tmc/adapters/kube/connection.ts';
import { createKubernetesHub } from '@tmc/adapters/kube/hub-kubernetes.ts';
import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import { syncerFinalizer } from '@tmc/apis/names.ts';
import { resourceType } from '@tmc/apis/resources.ts';
import { systemClock, systemSleep } from '@tmc/kernel/clock.ts';
import { kindOf } from '@tmc/kernel/errors.ts';
import { randomIds } from '@tmc/kernel/ids.ts';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { configMap, secret } from '@tmc/testkit/objects.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Relay, startRelay } from './main.ts';
import { MemoryCheckpoints, MemoryQueue } from './testing/harness.ts';

const key = (name: string, resource = 'configmaps') => ({
  workspace: 'root',
  group: '',
  resource,
  namespace: 'default',
  name,
});
const RESOURCES = ['configmaps', 'secrets', 'namespaces'].map((resource) => resourceType({ group: '', resource }));

async function until(reason: string, condition: () => boolean, limitMs = 15_000): Promise<void> {
  const never = new AbortController().signal;
  for (const endMs = Date.now() + limitMs; !condition(); await systemSleep(10, never)) {
    if (Date.now() > endMs) throw new Error(`still not true after ${limitMs} ms: ${reason}`);
  }
}

/** Writes until the server, which may be restarting, has answered; a conflict then means that an unanswered write had effect. */
async function written(write: () => Promise<unknown>): Promise<void> {
  const never = new AbortController().signal;
  for (let attempt = 0; attempt < 50; attempt += 1) {
    try {
      await write();
      return;
    } catch (error) {
      if (attempt > 0 && kindOf(error) === 'conflict') return;
      if (kindOf(error) !== 'retry') throw error;
      await systemSleep(20, never);
    }
  }
  throw new Error('the server did not answer 50 writes');
}

describe('a relay at an API server over HTTP/2', () => {
  let kubesim: Kubesim;
  let hub: ReturnType<typeof createKubernetesHub>;
  let source: ReturnType<typeof createWatchSource>;
  let relay: Relay;
  let queue: MemoryQueue;

  const names = (): string[] =>
    [...queue.view().values()]
      .filter((e) => e.key.namespace === 'default')
      .map((e) => e.key.name)
      .sort();

  beforeEach(async () => {
    kubesim = await startKubesim({ kind: 'kube' });
    const connection = { url: kubesim.url, ca: kubesim.caPem, authorization: bearerToken(kubesim.adminToken) };
    hub = createKubernetesHub({ connection, workspace: 'root' });
    source = createWatchSource({ connection });
    queue = new MemoryQueue();
    relay = startRelay(
      { relay: 'r', source: { kind: 'hub', id: 'hub', epoch: 0 }, resources: RESOURCES },
      {
        sources: [source],
        send: queue.send,
        checkpoints: new MemoryCheckpoints(systemClock),
        workspaceOf: (object) => hub.workspaceOf(object),
        clock: systemClock,
        sleep: systemSleep,
        ids: randomIds,
        random: Math.random,
      },
    );
    await until('ready', () => relay.ready());
  });

  afterEach(async () => {
    await relay.stop();
    source.close();
    hub.close();
    await kubesim.close();
  });

  it('tells what is created, changed and deleted, and keeps Secrets to itself', async () => {
    await hub.create(key('a'), configMap({ name: 'a' }));
    await hub.create(key('s', 'secrets'), secret({ name: 's' }, { password: 'sesame' }));
    await until('both told', () => names().join() === 'a,s');
    await hub.patch(key('a'), { data: { value: '2' } });
    await until('change told', () => {
      const data = queue.view().get('root|/configmaps|default/a')?.body?.['data'] as { value?: string } | undefined;
      return data?.value === '2';
    });
    await hub.delete(key('a'));
    await until('deletion told', () => names().join() === 's');
    expect(JSON.stringify(queue.accepted)).not.toContain(Buffer.from('sesame').toString('base64'));
    expect(queue.envelopes().every((e) => e.body === undefined || !e.body.metadata.managedFields)).toBe(true);
  });

  it('loses nothing when the server restarts without its history', async () => {
    await hub.create(key('stays'), configMap({ name: 'stays' }));
    await hub.create(key('goes'), configMap({ name: 'goes' }));
    await until('told', () => names().length === 2);
    await kubesim.restart();
    await written(() => hub.delete(key('goes')));
    await written(() => hub.create(key('comes'), configMap({ name: 'comes' })));
    await until('caught up', () => names().join() === 'comes,stays', 30_000);
    const read = relay.state().find(({ resource }) => resource === 'configmaps');
    expect(read?.counters.lists).toBeGreaterThan(1);
    expect(read?.entered.expired).toBeGreaterThan(0);
  });

  it('lives with repeated events, broken streams and refusals', async () => {
    const rule = { method: 'GET', path: /configmaps/ };
    kubesim.faults.add({ ...rule, fault: { kind: 'status', code: 429, retryAfterSeconds: 1 } });
    kubesim.faults.add({ ...rule, fault: { kind: 'text', code: 404, text: '404 page not found' } });
    kubesim.faults.add({ ...rule, fault: { kind: 'expired' } });
    kubesim.faults.add({ ...rule, fault: { kind: 'cut-stream', afterBytes: 700 } });
    kubesim.faults.add({ ...rule, times: 2, fault: { kind: 'duplicate-events' } });
    await kubesim.restart();
    for (let i = 0; i < 20; i += 1) {
      await written(() => hub.create(key(`o${i}`), configMap({ name: `o${i}` })));
    }
    await written(() => hub.delete(key('o7')));
    await until('caught up', () => names().length === 19 && !names().includes('o7'), 30_000);
    expect(kubesim.faults.injected).toBeGreaterThan(2);
  }, 40_000);

  it('an object our finalizer holds is told as dying, not as gone', async () => {
    await hub.create(key('a'), configMap({ name: 'a', finalizers: [syncerFinalizer('t')] }));
    await until('told', () => names().length === 1);
    await hub.delete(key('a'));
    const dying = () => queue.envelopes('upsert').some((e) => e.body?.metadata.deletionTimestamp !== undefined);
    await until('dying told', dying);
    expect(queue.envelopes('delete')).toEqual([]);
    await hub.patch(key('a'), { metadata: { finalizers: null } });
    await until('deletion told', () => queue.envelopes('delete').length === 1);
  });
});
