import { findCondition } from '@tmc/kernel/condition.ts';
import type { Condition, KubeObject } from '@tmc/kernel/object.ts';
import { Api, type ApiOptions } from './api.ts';
import { ensureApplied, eventually, type Place, waitFor } from './ensure.ts';

export type CrdBootstrapOptions = ApiOptions & { readonly crds: readonly KubeObject[] };

/**
 * Makes a plain API server a hub: applies the CustomResourceDefinitions and waits until their resources are served.
 * Running it again changes nothing. @throws TmcError when a definition is refused or not served in time.
 */
export async function ensureCrds({ crds, ...options }: CrdBootstrapOptions): Promise<void> {
  const api = new Api(options);
  const place: Place = { api, prefix: '', workspace: 'hub' };
  try {
    await Promise.all(crds.map((definition) => ensureCrd(place, definition)));
  } finally {
    api.close();
  }
}

async function ensureCrd(place: Place, definition: KubeObject): Promise<void> {
  const { name } = definition.metadata;
  await ensureApplied(place, 'customresourcedefinitions', definition);
  await waitFor(place, {
    resource: 'customresourcedefinitions',
    object: definition,
    isReady: isEstablished,
    what: `custom resource definition ${name} to be established`,
  });
  const { group, names, versions } = definition['spec'] as CrdSpec;
  for (const version of versions) {
    const path = `/apis/${group}/${version.name}/${names.plural}?limit=1`;
    // Established comes a moment before the server routes requests.
    await eventually(() => place.api.page({ method: 'GET', path, about: name }), `${name} to be served`);
  }
}

type CrdSpec = { group: string; names: { plural: string }; versions: readonly { name: string }[] };

function isEstablished(live: KubeObject): boolean {
  const status = live['status'] as { conditions?: Condition[] } | undefined;
  return findCondition(status?.conditions, 'Established')?.status === 'True';
}
