import type { ApiObject } from '../object.ts';

export interface FakerOptions {
  /** Time between a change and each step of the controllers that follow it (default 20). */
  delayMs?: number;
  /** Make pods too (default true). Without them only the status of Deployments and ReplicaSets moves. */
  pods?: boolean;
  /** Names the reason why the pods of a Deployment do not become ready, such as `ImagePullBackOff`; undefined: they do. */
  failure?: (deployment: ApiObject) => string | undefined;
}
