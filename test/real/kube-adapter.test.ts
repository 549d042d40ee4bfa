import { type KubePeer, kubeAdapterContract } from '@tmc/adapters/kube/kube.contract.ts';
import { POWERLESS_TOKEN } from './harness/control-plane.ts';
import { startFleet } from './harness/fleet.ts';

/** The adapters against a real kube-apiserver and etcd. */
async function openRealServer(): Promise<KubePeer> {
  const fleet = await startFleet({ members: 0 });
  const { connection } = fleet.hub;
  const { url, ca } = connection;
  return {
    connection,
    powerless: { url, ...(ca === undefined ? {} : { ca }), authorization: () => `Bearer ${POWERLESS_TOKEN}` },
    // The watch cache of a server that starts begins at the revision it finds: like kcp, it knows nothing from before.
    async expiredRevision() {
      await fleet.hub.stop();
      await fleet.hub.start();
      return '1';
    },
    // An API server that started after the compaction holds no snapshot from before it.
    async forget() {
      await compact(fleet.etcdUrl);
      await fleet.hub.stop();
      await fleet.hub.start();
    },
    close: () => fleet.stop(),
  };
}

/** Compacts etcd up to now by its JSON gateway. @throws Error when it refuses. */
async function compact(etcdUrl: string): Promise<void> {
  const post = async (path: string, body: object) => {
    const answer = await fetch(`${etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`etcd ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { header: { revision: string } };
  };
  const { header } = await post('/v3/maintenance/status', {});
  await post('/v3/kv/compaction', { revision: header.revision, physical: true });
}

kubeAdapterContract('kube-apiserver', openRealServer);
