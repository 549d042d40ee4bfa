/** A simulator in a process of its own: says when it serves, and what it costs when asked. */
import { startKubesim } from '@tmc/kubesim/index.ts';

const startedMs = performance.now();
const kubesim = await startKubesim({ kind: process.argv[2] === 'kcp' ? 'kcp' : 'kube' });
process.send?.({
  is: 'serving',
  url: kubesim.url,
  caPem: kubesim.caPem,
  token: kubesim.adminToken,
  startMs: performance.now() - startedMs,
});
process.on('message', ({ collect }: { collect?: boolean }) => {
  if (collect) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ is: 'cost', rss, heapUsed: heapUsed + external, cpuMs: (user + system) / 1000 });
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
