import { badRequest, invalid } from '../api-error.ts';
import { isRecord, recordAt } from '../object.ts';
import type { Answer, Incoming } from './answer.ts';
import type { Sim, Target } from './context.ts';
import type { User } from './identity.ts';
import { readJsonBody } from './request-body.ts';

const REVIEW_GROUPS = ['authentication.k8s.io', 'authorization.k8s.io'];

/** Answers the create-only review resources; undefined for others. */
export async function reviewAnswer(
  sim: Sim,
  target: Target,
  { incoming, user }: { incoming: Incoming; user: User },
): Promise<Answer | undefined> {
  if (!REVIEW_GROUPS.includes(target.def.group)) return undefined;
  const sent = await readJsonBody(incoming);
  if (!isRecord(sent)) throw badRequest('the object provided is not an object');
  const status = statusOf(sim, target, { sent, user });
  const { def } = target;
  const body = {
    ...sent,
    kind: def.kind,
    apiVersion: `${def.group}/${def.version}`,
    metadata: sent['metadata'] ?? {},
    status,
  };
  return { status: 201, contentType: 'application/json', text: JSON.stringify(body) };
}

function statusOf(sim: Sim, target: Target, { sent, user }: { sent: Record<string, unknown>; user: User }): unknown {
  const spec = recordAt(sent, 'spec');
  switch (target.def.kind) {
    case 'SelfSubjectReview':
      return { userInfo: { username: user.name, groups: user.groups } };
    case 'TokenReview': {
      const found = sim.tokens.find(String(spec['token']));
      return found ? { authenticated: true, user: { username: found.name, groups: found.groups } } : { user: {} };
    }
    case 'SelfSubjectAccessReview':
      return { allowed: allows(sim, target, { spec, user }) };
    default: {
      const groups = Array.isArray(spec['groups']) ? spec['groups'].map(String) : [];
      return { allowed: allows(sim, target, { spec, user: { name: String(spec['user'] ?? ''), groups } }) };
    }
  }
}

function allows(sim: Sim, target: Target, { spec, user }: { spec: Record<string, unknown>; user: User }): boolean {
  const cluster = target.cluster ?? '';
  const text = (from: Record<string, unknown>, field: string) => String(from[field] ?? '');
  if (isRecord(spec['nonResourceAttributes'])) {
    const asked = spec['nonResourceAttributes'];
    return sim.authorizer.allows(user, { cluster, verb: text(asked, 'verb'), path: text(asked, 'path') });
  }
  const asked = spec['resourceAttributes'];
  if (!isRecord(asked)) {
    const message = 'Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified';
    const cause = { reason: 'FieldValueInvalid', field: 'spec.resourceAttributes', message };
    throw invalid({ group: target.def.group }, [cause]);
  }
  return sim.authorizer.allows(user, {
    cluster,
    verb: text(asked, 'verb'),
    group: text(asked, 'group'),
    resource: text(asked, 'resource'),
    subresource: text(asked, 'subresource'),
    namespace: text(asked, 'namespace'),
    name: text(asked, 'name'),
  });
}
