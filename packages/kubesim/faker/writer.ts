import { dropOrMark } from '../controllers/namespace.ts';
import type { ApiObject } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';
import type { Sim } from '../server/context.ts';
import { createObject } from '../write/create.ts';
import type { WriteRequest } from '../write/request.ts';
import { commitUpdate } from '../write/update.ts';

interface Place {
  namespace: string;
  name: string;
}

const CONTROLLER = { name: 'system:kube-controller-manager', groups: ['system:masters'] };

/** Writes as a controller would: by the same rules as requests, but not counted as one. */
export class FakeWriter {
  readonly sim: Sim;

  constructor(sim: Sim) {
    this.sim = Object.create(sim, { countWrite: { value: () => {} } }) as Sim;
  }

  find(storage: string, { namespace, name }: Place): ApiObject | undefined {
    return this.sim.store.get({ storage, cluster: '', namespace, name });
  }

  create(storage: string, obj: ApiObject): ApiObject {
    const namespace = obj.metadata.namespace ?? '';
    return createObject(this.sim, this.request(storage, { namespace, name: '', verb: 'create', subresource: '' }), obj);
  }

  /** Changes an object if it is there and this changes anything. */
  update(storage: string, place: Place, change: (old: ApiObject) => ApiObject, subresource = ''): void {
    const old = this.find(storage, place);
    if (old)
      commitUpdate(this.sim, this.request(storage, { ...place, verb: 'update', subresource }), {
        old,
        next: change(old),
      });
  }

  status(storage: string, place: Place, status: unknown): void {
    this.update(storage, place, (old) => ({ ...old, status }), 'status');
  }

  delete(storage: string, { namespace, name }: Place): void {
    dropOrMark(this.sim, { storage, cluster: '', namespace, name });
  }

  private request(storage: string, place: Place & { verb: string; subresource: string }): WriteRequest {
    const def = this.sim.registry.all('').find((known) => known.storage === storage) as ResourceDef;
    return {
      target: { ...place, def, cluster: '' },
      user: CONTROLLER,
      manager: 'kube-controller-manager',
      dryRun: false,
      fieldValidation: 'Ignore',
      query: new URLSearchParams(),
      warnings: [],
    };
  }
}
