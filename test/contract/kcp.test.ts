import { type KcpPeer, kcpAdapterContract } from '@tmc/adapters/kube/kcp.contract.ts';
import { startKubesim } from '@tmc/kubesim/index.ts';

/** The kcp adapters against the simulator. */
async function openSimulator(): Promise<KcpPeer> {
  const server = await startKubesim({ kind: 'kcp' });
  return {
    // Kubeconfigs of kcp point at a workspace.
    connection: {
      url: `${server.url}/clusters/root`,
      ca: server.caPem,
      authorization: () => `Bearer ${server.adminToken}`,
    },
    createWorkspace: (path, type) => server.createWorkspace(path, type),
    close: () => server.close(),
  };
}

kcpAdapterContract('kubesim', openSimulator);
