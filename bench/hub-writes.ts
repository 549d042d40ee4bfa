import type { KubeConnection } from '@tmc/adapters/kube/connection.ts';
import { Transport } from '@tmc/adapters/kube/http.ts';

const WRITES = /^(POST|PUT|PATCH|APPLY|DELETE)$/;

/** Writes to Deployments, their status included, that an API server has counted so far; undefined when it counts none. */
export async function countWrites(connection: KubeConnection): Promise<number | undefined> {
  const transport = new Transport(connection);
  try {
    const { status, body } = await transport.request({ method: 'GET', path: '/metrics', accept: 'text/plain' });
    return status === 200 ? sumWrites(body) : undefined;
  } finally {
    transport.close();
  }
}

function sumWrites(text: string): number {
  let sum = 0;
  for (const line of text.split('\n')) {
    if (!line.startsWith('apiserver_request_total{') || !line.includes('resource="deployments"')) continue;
    const verb = /[{,]verb="([^"]*)"/.exec(line)?.[1] ?? '';
    if (WRITES.test(verb)) sum += Number(line.slice(line.lastIndexOf(' ')));
  }
  return sum;
}

/** Statuses that settle are written a second or two after what they tell of. */
const STILL_MS = 3_000;

/** The count once it has not moved for a while. Seldom asked: to answer is work for a server whose processor time is measured. */
export async function settledWrites(connection: KubeConnection): Promise<number | undefined> {
  for (let last = await countWrites(connection); ; ) {
    await new Promise((resolve) => setTimeout(resolve, STILL_MS));
    const now = await countWrites(connection);
    if (now === last) return now;
    last = now;
  }
}
