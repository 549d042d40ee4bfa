import { createHash } from 'node:crypto';
import { resourcesOf } from '../controllers/crd.ts';
import { type ApiObject, isRecord, recordAt } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';
import type { Serving } from '../server/serving.ts';
import type { Store } from '../store/store.ts';
import { BINDINGS, CLAIM_LABEL_PREFIX, EXPORTS, SCHEMAS } from './names.ts';
import type { WorkspaceTree } from './tree.ts';

/** A claim on a resource the export does not bring itself. */
export interface Claim {
  group: string;
  resource: string;
  verbs: string[];
  identityHash: string;
  state?: string;
}

export interface ExportRef {
  cluster: string;
  name: string;
}

export interface BoundTenant {
  cluster: string;
  binding: ApiObject;
}

const list = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);
const keyOf = ({ cluster, name }: ExportRef): string => `${cluster}/${name}`;
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

export const claimsOf = (obj: ApiObject): Claim[] =>
  list(recordAt(obj, 'spec')['permissionClaims']).map((claim) => ({
    group: String(claim['group'] ?? ''),
    resource: String(claim['resource'] ?? ''),
    verbs: Array.isArray(claim['verbs']) ? claim['verbs'].map(String) : [],
    identityHash: String(claim['identityHash'] ?? ''),
    ...(claim['state'] === undefined ? {} : { state: String(claim['state']) }),
  }));

export const identityHashOf = (ref: ExportRef): string => hash(`identity ${keyOf(ref)}`);

/** The label kcp puts on objects a tenant lets an export see. */
export function claimLabel(ref: ExportRef, claim: Claim): { key: string; value: string } {
  const of = (text: string) => hash(text).slice(0, 40);
  return { key: `${CLAIM_LABEL_PREFIX}${of(`${keyOf(ref)}|${claim.group}|${claim.resource}`)}`, value: of(keyOf(ref)) };
}

const WATCHES_END_MS = 40;

const storageOfExported = (ref: ExportRef, entry: Record<string, unknown>): string =>
  `${entry['name']}.${entry['group'] || 'core'}:${identityHashOf(ref)}`;

/** Storages of resources that an export brings with another schema than before. */
function reserved(ref: ExportRef, before: ApiObject, after: ApiObject): string[] {
  const schemas = (obj: ApiObject) =>
    new Map(list(recordAt(obj, 'spec')['resources']).map((entry) => [storageOfExported(ref, entry), entry['schema']]));
  const now = schemas(after);
  return [...schemas(before)].filter(([storage, schema]) => now.get(storage) !== schema).map(([storage]) => storage);
}

/** What is exported and who bound it, kept up to date from the store. */
export class Exports {
  private readonly store: Store;
  private readonly tree: WorkspaceTree;
  /** Export key → tenants with a bound binding, by cluster. */
  private readonly tenants = new Map<string, Map<string, ApiObject>>();
  private readonly ends = new Map<string, AbortController>();
  private readonly defs = new Map<string, { source: ApiObject; defs: ResourceDef[] }>();

  constructor(store: Store, tree: WorkspaceTree, serving: Serving) {
    this.store = store;
    this.tree = tree;
    store.subscribe(EXPORTS, ({ cluster, name, obj, prev, type }) => {
      if (prev && type !== 'DELETED')
        for (const storage of reserved({ cluster, name }, prev, obj)) serving.renew({ storage }, WATCHES_END_MS);
    });
    store.subscribe(BINDINGS, ({ cluster, obj, prev, type }) => {
      if (prev) this.forget(cluster, prev);
      if (type !== 'DELETED') this.remember(cluster, obj);
      const ref = this.refOf(cluster, obj);
      if (ref && prev && this.tenantsOf(ref).length === 0) this.endWatches(ref);
    });
  }

  find({ cluster, name }: ExportRef): ApiObject | undefined {
    return this.store.get({ storage: EXPORTS, cluster, namespace: '', name });
  }

  /** The export a binding refers to; undefined when its workspace does not exist. */
  refOf(cluster: string, binding: ApiObject): ExportRef | undefined {
    const reference = recordAt(recordAt(recordAt(binding, 'spec'), 'reference'), 'export');
    const path = reference['path'];
    const found = typeof path === 'string' && path ? this.tree.find(path) : cluster;
    return found === undefined ? undefined : { cluster: found, name: String(reference['name'] ?? '') };
  }

  /** Tenants whose binding is bound. */
  tenantsOf(ref: ExportRef): BoundTenant[] {
    return [...(this.tenants.get(keyOf(ref)) ?? [])].map(([cluster, binding]) => ({ cluster, binding }));
  }

  bindingOf(ref: ExportRef, cluster: string): ApiObject | undefined {
    return this.tenants.get(keyOf(ref))?.get(cluster);
  }

  /** All bound bindings of one cluster with their exports. */
  boundIn(cluster: string): { ref: ExportRef; binding: ApiObject }[] {
    return this.store.list(BINDINGS, { cluster }).flatMap((binding) => {
      const ref = this.refOf(cluster, binding);
      return ref && this.bindingOf(ref, cluster) ? [{ ref, binding }] : [];
    });
  }

  /** Aborted when the last tenant of an export leaves: watches over all tenants then break off. */
  lastTenantGone(ref: ExportRef): AbortSignal {
    const known = this.ends.get(keyOf(ref)) ?? new AbortController();
    this.ends.set(keyOf(ref), known);
    return known.signal;
  }

  private endWatches(ref: ExportRef): void {
    this.ends.get(keyOf(ref))?.abort();
    this.ends.delete(keyOf(ref));
  }

  /** The resources an export brings, read from its schemas. */
  resourcesOf(ref: ExportRef): ResourceDef[] {
    const found = this.find(ref);
    if (!found) return [];
    const known = this.defs.get(keyOf(ref));
    if (known?.source === found) return known.defs;
    const defs = list(recordAt(found, 'spec')['resources']).flatMap((entry) => {
      const schema = this.store.get({
        storage: SCHEMAS,
        cluster: ref.cluster,
        namespace: '',
        name: String(entry['schema']),
      });
      return schema ? resourcesOf(schema, storageOfExported(ref, entry)) : [];
    });
    this.defs.set(keyOf(ref), { source: found, defs });
    return defs;
  }

  private remember(cluster: string, binding: ApiObject): void {
    const ref = this.refOf(cluster, binding);
    if (!ref || recordAt(binding, 'status')['phase'] !== 'Bound') return;
    const key = keyOf(ref);
    const tenants = this.tenants.get(key) ?? new Map<string, ApiObject>();
    tenants.set(cluster, binding);
    this.tenants.set(key, tenants);
  }

  private forget(cluster: string, binding: ApiObject): void {
    const ref = this.refOf(cluster, binding);
    if (ref) this.tenants.get(keyOf(ref))?.delete(cluster);
  }
}

/** The tenant's answer to a claim: what it accepted, with the verbs both sides name. */
export function acceptedClaim(
  exported: ApiObject,
  binding: ApiObject,
  wanted: { group: string; resource: string },
): Claim | undefined {
  const same = (claim: Claim) => claim.group === wanted.group && claim.resource === wanted.resource;
  const asked = claimsOf(exported).find(same);
  const given = claimsOf(binding).find((claim) => same(claim) && claim.state === 'Accepted');
  if (!asked || !given) return undefined;
  const all = (verbs: string[]) => verbs.includes('*');
  const verbs = all(asked.verbs)
    ? given.verbs
    : all(given.verbs)
      ? asked.verbs
      : asked.verbs.filter((verb) => given.verbs.includes(verb));
  return { ...asked, verbs };
}
