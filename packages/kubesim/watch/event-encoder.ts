import type { ApiObject } from '../object.ts';
import { jsonOf, partialOf } from '../read/encode.ts';
import { tableOf } from '../read/table.ts';
import type { ResourceDef } from '../resources/definition.ts';
import { inVersion } from '../resources/registry.ts';
import type { Accept } from '../server/media.ts';

/** Writes the events of one watch as lines, in the form its reader asked for. */
export class EventEncoder {
  private readonly def: ResourceDef;
  private readonly accept: Accept;
  private readonly includeObject: string | null;
  private readonly viaEndpoint: boolean;
  private columnsSent = false;

  constructor(def: ResourceDef, form: { accept: Accept; includeObject: string | null; viaEndpoint: boolean }) {
    this.def = def;
    this.accept = form.accept;
    this.includeObject = form.includeObject;
    this.viaEndpoint = form.viaEndpoint;
  }

  /** Plain objects are serialised once and shared with all other readers. */
  line(type: string, obj: ApiObject): string {
    return `{"type":"${type}","object":${this.body(obj)}}\n`;
  }

  bookmark(object: { kind: string; apiVersion: string; metadata: object }): string {
    if (this.accept.as === 'PartialObjectMetadata')
      Object.assign(object, { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${this.accept.version}` });
    if (this.accept.as === 'Table') Object.assign(object, { ...this.table([]), metadata: object.metadata });
    return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`;
  }

  private body(obj: ApiObject): string {
    if (this.accept.as === 'PartialObjectMetadata')
      return JSON.stringify(partialOf(obj, this.accept.version, this.viaEndpoint));
    if (this.accept.as === 'Table') return JSON.stringify(this.table([inVersion(obj, this.def)]));
    return jsonOf(obj, this.def);
  }

  private table(items: ApiObject[]): Record<string, unknown> {
    const meta = { resourceVersion: items[0]?.metadata.resourceVersion ?? '' };
    const form = { accept: this.accept, meta, includeObject: this.includeObject, withoutColumns: this.columnsSent };
    this.columnsSent = true;
    return tableOf(items, this.def, form);
  }
}
