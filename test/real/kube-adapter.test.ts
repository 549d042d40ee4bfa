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
    close: () => fleet.stop(),
  };
}

kubeAdapterContract('kube-apiserver', openRealServer);
