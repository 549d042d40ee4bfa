import { forbidden } from '../api-error.ts';
import type { Sim } from './context.ts';
import type { User } from './identity.ts';

const ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

interface Wish {
  caller: User;
  wanted: { user: string; groups: string[] };
  /** Whose RBAC decides. */
  cluster: string;
}

/**
 * The user a request wants to be taken for, when its caller may `impersonate` that user and groups.
 * @throws ApiError 403
 */
export function impersonate(sim: Sim, { caller, wanted, cluster }: Wish): User {
  const [, namespace = '', name = ''] = ACCOUNT.exec(wanted.user) ?? [];
  const asked = name
    ? [{ resource: 'serviceaccounts', namespace, name }]
    : [{ resource: 'users', namespace: '', name: wanted.user }];
  for (const group of wanted.groups) asked.push({ resource: 'groups', namespace: '', name: group });
  for (const place of asked) {
    if (sim.authorizer.allows(caller, { cluster, verb: 'impersonate', group: '', ...place })) continue;
    const scope = place.namespace ? `in the namespace "${place.namespace}"` : 'at the cluster scope';
    throw forbidden(
      { kind: place.resource, name: place.name },
      `User "${caller.name}" cannot impersonate resource "${place.resource}" in API group "" ${scope}`,
    );
  }
  const own = name ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`] : [];
  return { name: wanted.user, groups: [...new Set([...wanted.groups, ...own, 'system:authenticated'])] };
}
