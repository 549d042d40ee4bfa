import { type ApiObject, isRecord } from '../object.ts';
import type { Store } from '../store/store.ts';
import type { User } from './identity.ts';

/** One question to the authorizer. Either about a resource or about a path. */
export interface Access {
  cluster: string;
  verb: string;
  group?: string;
  resource?: string;
  subresource?: string;
  namespace?: string;
  name?: string;
  path?: string;
}

interface Rule {
  verbs?: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

const RBAC = 'rbac.authorization.k8s.io';
const SUPER_GROUPS = ['system:masters', 'system:kcp:admin'];
/** Roles every cluster has without anyone creating them. */
const DEFAULT_ROLES: Record<string, Rule[]> = {
  'cluster-admin': [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ],
};
const OPEN_PATHS = /^\/(healthz|livez|readyz|version)(\/|$)/;
const DISCOVERY_PATHS = /^\/(api|apis|openapi)(\/|$)/;

const isSuperUser = (user: User): boolean => user.groups.some((group) => SUPER_GROUPS.includes(group));

/** Answers who may do what from the RBAC objects of a cluster. */
export class Authorizer {
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  allows(user: User, access: Access): boolean {
    if (isSuperUser(user)) return true;
    return this.grantedByRbac(user, access);
  }

  /** Whether RBAC objects grant it, whatever groups the user is in. */
  grantedByRbac(user: User, access: Access): boolean {
    if (access.path !== undefined) {
      if (OPEN_PATHS.test(access.path)) return true;
      if (DISCOVERY_PATHS.test(access.path) && user.groups.includes('system:authenticated')) return true;
    }
    if (REVIEW_SELF.has(`${access.group}/${access.resource}`) && user.groups.includes('system:authenticated'))
      return true;
    return this.rulesFor(user, access).some((rule) => covers(rule, access));
  }

  private rulesFor(user: User, access: Access): Rule[] {
    const { cluster, namespace } = access;
    const rules: Rule[] = [];
    for (const binding of this.store.list(`clusterrolebindings.${RBAC}`, { cluster }))
      if (binds(binding, user)) rules.push(...this.roleRules(cluster, '', binding));
    if (!namespace) return rules;
    for (const binding of this.store.list(`rolebindings.${RBAC}`, { cluster, namespace }))
      if (binds(binding, user)) rules.push(...this.roleRules(cluster, namespace, binding));
    return rules;
  }

  private roleRules(cluster: string, namespace: string, binding: ApiObject): Rule[] {
    const ref = binding['roleRef'];
    if (!isRecord(ref)) return [];
    const name = String(ref['name']);
    const clusterWide = ref['kind'] === 'ClusterRole';
    const role = this.store.get({
      storage: `${clusterWide ? 'clusterroles' : 'roles'}.${RBAC}`,
      cluster,
      namespace: clusterWide ? '' : namespace,
      name,
    });
    return (role?.['rules'] as Rule[] | undefined) ?? (clusterWide ? (DEFAULT_ROLES[name] ?? []) : []);
  }
}

const REVIEW_SELF = new Set([
  'authentication.k8s.io/selfsubjectreviews',
  'authorization.k8s.io/selfsubjectaccessreviews',
]);

function binds(binding: ApiObject, user: User): boolean {
  const subjects = Array.isArray(binding['subjects']) ? binding['subjects'] : [];
  return subjects.filter(isRecord).some((subject) => {
    if (subject['kind'] === 'User') return subject['name'] === user.name;
    if (subject['kind'] === 'Group') return user.groups.includes(String(subject['name']));
    const account = `system:serviceaccount:${subject['namespace']}:${subject['name']}`;
    return (
      subject['kind'] === 'ServiceAccount' && (user.name === account || user.name.endsWith(`:${account.slice(7)}`))
    );
  });
}

const matches = (allowed: string[] | undefined, wanted: string): boolean =>
  (allowed ?? []).some((entry) => entry === '*' || entry === wanted);

function covers(rule: Rule, access: Access): boolean {
  if (!matches(rule.verbs, access.verb)) return false;
  if (access.path !== undefined) return (rule.nonResourceURLs ?? []).some((url) => coversPath(url, access.path ?? ''));
  const full = access.subresource ? `${access.resource}/${access.subresource}` : (access.resource ?? '');
  if (!matches(rule.apiGroups, access.group ?? '')) return false;
  if (!matches(rule.resources, full) && !(rule.resources ?? []).includes(`*/${access.subresource}`)) return false;
  return !rule.resourceNames?.length || (access.name !== undefined && rule.resourceNames.includes(access.name));
}

const coversPath = (url: string, path: string): boolean =>
  url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));
