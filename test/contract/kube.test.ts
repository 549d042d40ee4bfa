import { type KubePeer, kubeAdapterContract } from '@tmc/adapters/kube/kube.contract.ts';
import { startKubesim } from '@tmc/kubesim/index.ts';

/** The adapters against the simulator: the same suite as against the real API server. */
async function openSimulator(): Promise<KubePeer> {
  const server = await startKubesim({
    kind: 'kube',
    tokens: [{ token: 'powerless', user: 'powerless', groups: [] }],
  });
  const { url, caPem: ca } = server;
  const resourceVersion = String(server.store.revision);
  return {
    connection: { url, ca, authorization: () => `Bearer ${server.adminToken}` },
    powerless: { url, ca, authorization: () => 'Bearer powerless' },
    async expiredRevision() {
      server.expire();
      return resourceVersion;
    },
    forget: async () => server.expire(),
    close: () => server.close(),
  };
}

kubeAdapterContract('kubesim', openSimulator);
