import { OWNER_LABEL } from '@tmc/apis/names.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { BenchFleet } from './latency-fleet.ts';

const DEPLOYMENTS = { group: 'apps', resource: 'deployments' };

/** Watches the Deployments in every member that are copies; resolves once all watches have a place to begin at. */
export async function watchMembers(
  fleet: BenchFleet,
  onCopy: (downstreamObj: KubeObject, member: string) => void,
): Promise<() => Promise<void>> {
  const ending = new AbortController();
  const { signal } = ending;
  const starts = await Promise.all(fleet.members.map(({ source }) => source.page(DEPLOYMENTS, { limit: 1, signal })));
  const loops = fleet.members.map(async ({ name, source }, index) => {
    const resourceVersion = starts[index]?.resourceVersion ?? '';
    const options = { resourceVersion, timeoutSeconds: 600, labelSelector: OWNER_LABEL, signal };
    try {
      for await (const { type, object } of source.watch(DEPLOYMENTS, options)) {
        if (type === 'ADDED' || type === 'MODIFIED') onCopy(object, name);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
  return async () => {
    ending.abort();
    await Promise.all(loops);
  };
}
