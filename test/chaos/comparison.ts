import { Api } from '@tmc/adapters/kube/api.ts';
import { Transport } from '@tmc/adapters/kube/http.ts';
import { listAll } from '@tmc/adapters/kube/list.ts';
import { createCheckpointStore } from '@tmc/adapters/table/checkpoint-store.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { formatGroupResource, formatKey } from '@tmc/kernel/key.ts';
import { differencesOf, digestOfStates, type HeldState } from '@tmc/testkit/consumer-view.ts';
import type { ApiServer } from '../real/harness/control-plane.ts';
import { COMPARED, ENDPOINT, WORKSPACE } from './names.ts';

/** Objects by kind (`deployments.apps`). */
export type Holdings = ReadonlyMap<string, readonly HeldState[]>;

/** What the server holds of all compared kinds; every kind at a revision of its own. */
export async function readServer({ connection }: ApiServer): Promise<Holdings> {
  const api = new Api({ connection, transport: new Transport(connection) });
  try {
    const kinds = COMPARED.map(async (resource) => {
      const { items } = await listAll(api, resource, { metadataOnly: true });
      const held = items.map(({ metadata }): HeldState => {
        const { namespace = '', name, uid = '', resourceVersion: rv = '' } = metadata;
        const id = formatKey({
          workspace: WORKSPACE,
          group: resource.group,
          resource: resource.resource,
          namespace,
          name,
        });
        return { id, uid, rv };
      });
      return [formatGroupResource(resource), held] as const;
    });
    return new Map(await Promise.all(kinds));
  } finally {
    api.close();
  }
}

/** In words, what a consumer believes that the server does not hold, or the other way round; empty when they are equal by hash. */
export function compare(believed: readonly HeldState[], server: Holdings): string[] {
  const found: string[] = [];
  for (const [kind, held] of server) {
    const view = believed.filter(({ id }) => kindOf(id) === kind);
    if (digestOfStates(view) !== digestOfStates(held)) found.push(...differencesOf(view, held));
  }
  return found;
}

/** The digests of what the server holds, kind by kind, for a report. */
export function digests(server: Holdings): string[] {
  return [...server].map(([kind, held]) => `${kind}: ${held.length} objects, ${digestOfStates(held).slice(0, 16)}`);
}

/** `lost` in words; `covered` is how many objects lie below a checkpoint and were looked at. */
export type Audit = { readonly lost: readonly string[]; readonly covered: number };

/**
 * Objects that a checkpoint says were delivered, but the consumer, who has drained all queues, does not know. Read while no relay runs:
 * a relay that starts from here would never tell them. A kind without a checkpoint of the present epoch is told as lost: every kind was
 * listed and saved long ago.
 */
export async function audit(table: Table, believed: readonly HeldState[], server: Holdings): Promise<Audit> {
  const store = createCheckpointStore(table);
  const known = new Map(believed.map(({ id, rv }) => [id, BigInt(rv)]));
  const epoch = await store.loadEpoch(WORKSPACE);
  const lost: string[] = [];
  let covered = 0;
  for (const [resource, held] of server) {
    const checkpoint = await store.load({ source: WORKSPACE, endpoint: ENDPOINT, resource });
    if (checkpoint?.epoch !== epoch) {
      lost.push(
        `the checkpoint of ${resource}: ${checkpoint ? `epoch ${checkpoint.epoch}` : 'none'} in epoch ${epoch}`,
      );
      continue;
    }
    const below = held.filter(({ rv }) => BigInt(rv) <= BigInt(checkpoint.rv));
    covered += below.length;
    for (const { id, rv } of below)
      if ((known.get(id) ?? 0n) < BigInt(rv)) lost.push(`${id} at ${rv}, checkpoint ${checkpoint.rv}`);
  }
  return { lost, covered };
}

function kindOf(id: string): string {
  const [, groupResource = ''] = id.split('|');
  const [group = '', resource = ''] = groupResource.split('/');
  return formatGroupResource({ group, resource });
}
