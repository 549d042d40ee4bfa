import { type KcpPeer, kcpAdapterContract } from '@tmc/adapters/kube/kcp.contract.ts';
import { describe } from 'vitest';
import { findKcp, startKcp } from './harness/kcp.ts';

/** The kcp adapters against a kcp the user installed. */
async function openKcp(binary: string): Promise<KcpPeer> {
  const server = await startKcp(binary);
  const { url } = server.connection;
  return {
    connection: { ...server.connection, url: `${url}/clusters/root` },
    createWorkspace: server.createWorkspace,
    close: () => server.stop(),
  };
}

const binary = findKcp();
if (!binary) console.warn('SKIPPED: no kcp found. Set KCP_BIN or put kcp v0.32 on PATH to test against it.');

describe.skipIf(!binary)('real kcp', () => {
  kcpAdapterContract('kcp', () => openKcp(binary ?? ''));
});
