import type { ApiObject } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';
import type { Registry } from '../resources/registry.ts';
import type { Store } from '../store/store.ts';
import type { Authorizer } from './authorize.ts';
import type { Tokens, User } from './identity.ts';
import type { RequestInfo } from './request-info.ts';
import type { Serving } from './serving.ts';

/** What a request is about once its cluster and resource are known. */
export interface Target {
  def: ResourceDef;
  /** undefined: all clusters (kcp's `/clusters/*`). */
  cluster: string | undefined;
  namespace: string;
  name: string;
  subresource: string;
  verb: string;
  /** Set for requests through a kcp APIExport endpoint. */
  view?: EndpointView;
}

/** How an APIExport endpoint bounds and bends what it serves. */
export interface EndpointView {
  /** Objects must carry this label (claimed resources). */
  requiredLabel?: { key: string; value: string };
  /** Only these objects are shown (other than by label). */
  visible?: (obj: ApiObject) => boolean;
  readOnly?: boolean;
  /** Watches break off when this is aborted. */
  ends?: AbortSignal;
}

/** Time and randomness, given from outside so that tests can fix them. */
export interface Clock {
  now: () => Date;
}

/** Rules of a layer above plain Kubernetes, called at fixed points of every request. */
export interface Layer {
  /** Finds cluster, resource and view of a request, or throws what kcp would answer. */
  resolve(info: RequestInfo, user: User): Resolved;
  /** Changes an object right before it is stored. */
  decorate(obj: ApiObject, place: Place): ApiObject;
  /** Refuses a write that admission would refuse; may fill in what admission fills in. */
  admit(obj: ApiObject, place: Place & { old: ApiObject | undefined; user: User }): ApiObject;
  /** Whether the layer lets the user do this at all (on top of RBAC). */
  permits(user: User, access: { cluster: string; target: Target }): boolean;
}

export interface Place {
  def: ResourceDef;
  cluster: string;
  namespace: string;
  name: string;
}

/** Where a request goes. Without `def` it is about a path (discovery, OpenAPI, version). */
export interface Resolved {
  cluster: string | undefined;
  def: ResourceDef | undefined;
  /** Cluster whose RBAC decides. */
  authorizeIn: string;
  /** The request counts as access to this resource instead of its own. */
  authorizeAs?: { group: string; resource: string; subresource: string; name: string };
  view?: EndpointView;
  /** Resources discovery shows. */
  resources: ResourceDef[];
  /** Answer with the error instead, after authorization. */
  error?: Error;
}

/** Everything the handlers of one simulated server share. */
export interface Sim {
  kind: 'kube' | 'kcp';
  store: Store;
  registry: Registry;
  /** Tells watches when their resource changes. */
  serving: Serving;
  tokens: Tokens;
  authorizer: Authorizer;
  clock: Clock;
  layer: Layer | undefined;
  /** `https://127.0.0.1:port`, known once the server listens. */
  url: string;
  /** Ends watches; replaced by a fresh one at each restart. */
  stopping: AbortSignal;
  /** Writes counted for tests. */
  countWrite(target: Target): void;
}
