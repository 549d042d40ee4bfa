import { randomUUID } from 'node:crypto';
import { badRequest, invalid, methodNotAllowed, notFound, notImplemented, resourceNotFound } from '../api-error.ts';
import { type ApiObject, isRecord, recordAt } from '../object.ts';
import type { Answer, Incoming } from '../server/answer.ts';
import type { Sim, Target } from '../server/context.ts';
import type { User } from '../server/identity.ts';
import type { Accept } from '../server/media.ts';
import { readJsonBody } from '../server/request-body.ts';
import type { RequestInfo } from '../server/request-info.ts';
import { refOf, timestamp } from './create.ts';
import { resourceSubject, type WriteRequest, writeRequest } from './request.ts';
import { scaleAnswer } from './scale.ts';
import { commitUpdate, currentObject } from './update.ts';

export interface SubresourceRequest {
  incoming: Incoming;
  info: RequestInfo;
  user: User;
  target: Target;
  accept: Accept;
}

const answerJson = (status: number, body: unknown): Answer => ({
  status,
  contentType: 'application/json',
  text: JSON.stringify(body),
});

/** What a node would answer. */
const NODE_WORK = ['attach', 'ephemeralcontainers', 'eviction', 'exec', 'log', 'portforward', 'proxy', 'resize'];

/** Everything but `status`: scale, token, binding, finalize. @throws ApiError 404 for subresources a resource has not */
export async function subresourceAnswer(sim: Sim, parts: SubresourceRequest): Promise<Answer> {
  const { target, incoming } = parts;
  if (target.cluster === undefined) throw resourceNotFound();
  if (target.def.storage === 'pods.core' && NODE_WORK.includes(target.subresource))
    throw notImplemented(`pods/${target.subresource}: there is no node behind a simulated pod`);
  const request = writeRequest(target as WriteRequest['target'], {
    user: parts.user,
    query: parts.info.query,
    userAgent: incoming.userAgent,
  });
  const { def, subresource } = target;
  if (subresource === 'scale' && def.scale)
    return answerJson(200, scaleAnswer(sim, request, await readJsonBody(incoming)));
  const body = await readJsonBody(incoming);
  if (subresource === 'token' && def.storage === 'serviceaccounts.core')
    return answerJson(201, issueToken(sim, request, body));
  if (subresource === 'binding' && def.storage === 'pods.core') return answerJson(201, bindPod(sim, request, body));
  if (subresource === 'finalize' && def.storage === 'namespaces.core')
    return answerJson(200, finalizeNamespace(sim, request, body));
  throw def.custom ? notFound(resourceSubject(def, target.name)) : resourceNotFound();
}

const DAY_SECONDS = 86_400;
const SHORTEST_SECONDS = 600;

function issueToken(sim: Sim, request: WriteRequest, body: unknown): unknown {
  const { target } = request;
  if (target.verb !== 'create') throw methodNotAllowed();
  const account = sim.store.get(refOf(request, target.name));
  if (!account) throw notFound(resourceSubject(target.def, target.name));
  const spec = recordAt(body, 'spec');
  const seconds = typeof spec['expirationSeconds'] === 'number' ? spec['expirationSeconds'] : DAY_SECONDS;
  if (seconds < SHORTEST_SECONDS)
    throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, [
      {
        reason: 'FieldValueInvalid',
        field: 'spec.expirationSeconds',
        message: `Invalid value: ${seconds}: may not specify a duration less than 10 minutes`,
      },
    ]);
  const token = `kubesim.${randomUUID()}`;
  const issuer = sim.kind === 'kcp' ? 'https://kcp.default.svc' : 'https://kubernetes.default.svc';
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${target.namespace}`];
  if (target.cluster) groups.push(`system:cluster:${target.cluster}`);
  sim.tokens.add({ token, user: `system:serviceaccount:${target.namespace}:${target.name}`, groups });
  const expirationTimestamp = timestamp(new Date(sim.clock.now().getTime() + seconds * 1000));
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: target.name, namespace: target.namespace },
    spec: { audiences: spec['audiences'] ?? [issuer], expirationSeconds: seconds, boundObjectRef: null },
    status: { token, expirationTimestamp },
  };
}

function bindPod(sim: Sim, request: WriteRequest, body: unknown): unknown {
  if (request.target.verb !== 'create') throw methodNotAllowed();
  const node = recordAt(body, 'target')['name'];
  if (typeof node !== 'string') throw badRequest('a binding needs target.name');
  const old = currentObject(sim, request);
  const next = { ...old, spec: { ...recordAt(old, 'spec'), nodeName: node } };
  commitUpdate(sim, { ...request, target: { ...request.target, subresource: '' } }, { old, next });
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

/** PUT namespaces/x/finalize: sets `spec.finalizers`; a terminating namespace without any is gone. */
function finalizeNamespace(sim: Sim, request: WriteRequest, body: unknown): ApiObject {
  if (request.target.verb !== 'update') throw methodNotAllowed();
  if (!isRecord(body)) throw badRequest('a namespace is needed');
  const old = currentObject(sim, request);
  const next = { ...old, spec: recordAt(body, 'spec') };
  const ref = refOf(request, request.target.name);
  const finalizers = next.spec['finalizers'];
  if (old.metadata.deletionTimestamp && (!Array.isArray(finalizers) || finalizers.length === 0)) {
    sim.store.remove(ref, next);
    return next;
  }
  return sim.store.put(ref, next);
}
