import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import { isTmcError } from '@tmc/kernel/errors.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFleetCertificates } from './harness/certificates.ts';
import { type ApiServer, type Etcd, layGround, startApiServer, startEtcd } from './harness/control-plane.ts';
import { scratchFolder } from './harness/process.ts';
import { ensureKubeBinaries } from './tools/build.ts';

/** A real API server whose operator turned WatchList off: a reader must learn that from the answer, and be able to list instead. */
const CONFIG_MAPS = { group: '', resource: 'configmaps' };
let etcd: Etcd;
let server: ApiServer;
const scratch = scratchFolder('tmc-watch-list-');

beforeAll(async () => {
  const certificates = await createFleetCertificates();
  const ground = { folder: scratch.path, binaries: await ensureKubeBinaries(), certificates };
  layGround(ground);
  etcd = await startEtcd(ground);
  server = await startApiServer(ground, 'hub', { etcdUrl: etcd.url, flags: ['--feature-gates=WatchList=false'] });
}, 600_000);

afterAll(async () => {
  await server?.stop();
  await etcd?.stop();
  scratch.remove();
});

it('refuses WatchList as invalid for good, while lists and plain watches go on', async () => {
  const source = createWatchSource({ connection: server.connection });
  const signal = AbortSignal.timeout(60_000);
  const read = async (options: { sendInitialEvents?: boolean; resourceVersion?: string }) => {
    try {
      for await (const _ of source.watch(CONFIG_MAPS, { ...options, timeoutSeconds: 1, signal })) break;
      return 'read';
    } catch (error) {
      return isTmcError(error) ? `${error.kind} ${error.facts.type}` : error;
    }
  };
  expect(await read({ sendInitialEvents: true })).toBe('terminal ResourceValidation');
  const { resourceVersion } = await source.page(CONFIG_MAPS, { signal });
  expect(await read({ resourceVersion })).toBe('read');
  source.close();
});
