import type { ApiObject } from '../object.ts';
import type { ResourceDef } from './definition.ts';
import { asNewEvent } from './event-version.ts';

/** Resources defined at run time, per cluster: by name of the definition or binding that brought them. */
type Dynamic = Map<string, ResourceDef[]>;

/** Which resources each cluster serves. */
export class Registry {
  private readonly builtins: ResourceDef[];
  private readonly dynamic = new Map<string, Dynamic>();
  private readonly index = new Map<string, Map<string, ResourceDef>>();

  constructor(builtins: ResourceDef[]) {
    this.builtins = builtins;
  }

  find(cluster: string, ref: { group: string; version: string; plural: string }): ResourceDef | undefined {
    return this.indexOf(cluster).get(`${ref.group}/${ref.version}/${ref.plural}`);
  }

  /** Any version of a resource. */
  findAny(cluster: string, group: string, plural: string): ResourceDef | undefined {
    return this.all(cluster).find((def) => def.group === group && def.plural === plural);
  }

  findKind(cluster: string, apiVersion: string, kind: string): ResourceDef | undefined {
    return this.all(cluster).find(
      (def) => def.kind === kind && (def.group ? `${def.group}/${def.version}` : def.version) === apiVersion,
    );
  }

  all(cluster: string): ResourceDef[] {
    return [...this.indexOf(cluster).values()];
  }

  hasGroup(cluster: string, group: string): boolean {
    return this.all(cluster).some((def) => def.group === group);
  }

  /** Serves the given resources in a cluster on behalf of `source`, in place of what that source brought before. */
  define(cluster: string, source: string, defs: ResourceDef[]): void {
    let dynamic = this.dynamic.get(cluster);
    if (!dynamic) {
      dynamic = new Map();
      this.dynamic.set(cluster, dynamic);
    }
    if (defs.length) dynamic.set(source, defs);
    else dynamic.delete(source);
    this.index.delete(cluster);
  }

  definedBy(cluster: string, source: string): ResourceDef[] {
    return this.dynamic.get(cluster)?.get(source) ?? [];
  }

  /** Stops serving what was defined in a cluster that is gone. */
  forget(cluster: string): void {
    this.dynamic.delete(cluster);
    this.index.delete(cluster);
  }

  private indexOf(cluster: string): Map<string, ResourceDef> {
    let index = this.index.get(cluster);
    if (!index) {
      const own = [...(this.dynamic.get(cluster)?.values() ?? [])].flat();
      index = new Map([...this.builtins, ...own].map((def) => [`${def.group}/${def.version}/${def.plural}`, def]));
      this.index.set(cluster, index);
    }
    return index;
  }
}

/** The object in the version it is asked for; with the only conversion strategy served (`None`) just its apiVersion differs. */
export function inVersion(obj: ApiObject, def: ResourceDef): ApiObject {
  const apiVersion = def.group ? `${def.group}/${def.version}` : def.version;
  if (obj.apiVersion === apiVersion) return obj;
  return def.group === 'events.k8s.io' ? asNewEvent(obj) : { ...obj, apiVersion, kind: def.kind };
}
