import { type ApiObject, withMeta } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';
import type { Registry } from '../resources/registry.ts';
import type { Store } from '../store/store.ts';
import { acceptedClaim, claimLabel, claimsOf, type Exports } from './exports.ts';
import { BINDINGS, CLAIM_LABEL_PREFIX, EXPORTS } from './names.ts';

/**
 * Keeps the labels by which an export sees claimed objects: one per accepted claim, put on in every write and on everything
 * present when a tenant changes its mind. A rejected claim so shows as DELETED at the endpoint though the objects stay.
 */
export class ClaimLabels {
  private readonly exports: Exports;

  constructor(exports: Exports) {
    this.exports = exports;
  }

  /** The labels an object of a resource must carry in a cluster. */
  wanted(cluster: string, def: { group: string; plural: string; custom: boolean }): Record<string, string> {
    const labels: Record<string, string> = {};
    for (const { ref, binding } of this.exports.boundIn(cluster)) {
      const exported = this.exports.find(ref);
      if (!exported) continue;
      const claim = acceptedClaim(exported, binding, { group: def.group, resource: def.plural });
      if (!claim) continue;
      const { key, value } = claimLabel(ref, claim);
      labels[key] = value;
    }
    return labels;
  }

  /** The object with exactly the wanted claim labels. */
  stamp(obj: ApiObject, cluster: string, def: ResourceDef): ApiObject {
    const has = Object.entries(obj.metadata.labels ?? {}).filter(([key]) => key.startsWith(CLAIM_LABEL_PREFIX));
    const wanted = isExported(def) ? {} : this.wanted(cluster, def);
    const keys = Object.keys(wanted);
    if (has.length === keys.length && has.every(([key, value]) => wanted[key] === value)) return obj;
    const others = Object.entries(obj.metadata.labels ?? {}).filter(([key]) => !key.startsWith(CLAIM_LABEL_PREFIX));
    const labels = { ...Object.fromEntries(others), ...wanted };
    return withMeta(obj, { labels: Object.keys(labels).length ? labels : undefined });
  }

  /** Relabels what is claimed whenever a binding or the claims of an export change. */
  run(store: Store, registry: Registry): () => void {
    const stops = [
      store.subscribe(BINDINGS, ({ cluster, obj, prev }) =>
        this.relabel(store, registry, { cluster, of: [obj, prev] }),
      ),
      store.subscribe(EXPORTS, ({ cluster, name, obj, prev }) => {
        for (const tenant of this.exports.tenantsOf({ cluster, name }))
          this.relabel(store, registry, { cluster: tenant.cluster, of: [obj, prev] });
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  private relabel(
    store: Store,
    registry: Registry,
    { cluster, of }: { cluster: string; of: (ApiObject | undefined)[] },
  ): void {
    const claimed = of.flatMap((obj) => (obj ? claimsOf(obj) : []));
    const resources = new Set(claimed.map(({ group, resource }) => `${group}/${resource}`));
    for (const resource of resources) {
      const [group = '', plural = ''] = resource.split('/');
      const def = registry.findAny(cluster, group, plural);
      if (!def) continue;
      for (const obj of store.list(def.storage, { cluster })) {
        const stamped = this.stamp(obj, cluster, def);
        const { namespace = '', name = '' } = obj.metadata;
        if (stamped !== obj) store.put({ storage: def.storage, cluster, namespace, name }, stamped);
      }
    }
  }
}

/** Objects of an export's own resources are seen by their identity, not by label. */
const isExported = (def: ResourceDef): boolean => def.storage.includes(':');
