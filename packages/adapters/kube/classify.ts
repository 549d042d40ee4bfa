import { conflictError, type ErrorFacts, retryError, TmcError, terminalError } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { IdentityNote } from './identity.ts';
import type { Status } from './status.ts';

/**
 * The one classifier of API server answers, shared by relay and functions.
 *
 * | answer | verdict |
 * |---|---|
 * | 2xx | ok |
 * | 404 Status NotFound that names the very object of a get, patch or delete | notFound: the only proof that it is gone |
 * | 404 Status NotFound that names the namespace of a write | terminal ResourceNotFound, `facts.key` = the namespace's key |
 * | any other 404: plain text, `the server could not find the requested resource` | retry ResourceNotFound: not served (any more, yet) |
 * | 401 | retry ClusterAuthentication: tokens are renewed |
 * | 403 naming a namespace that is being terminated | retry ResourceConflict: later it is absent |
 * | 403 | retry ResourcePermission; terminal once it persisted for more than 30 s, as kcp says 403 while it starts |
 * | 409 | conflict |
 * | 422 whose cause is `metadata.uid` | conflict: how kube says that a patch's uid is not the object's (kcp says 409) |
 * | 410 | expired |
 * | 429 | retry ClusterUnavailable with the wait the server asked for, at most 5 minutes |
 * | 5xx | retry ClusterUnavailable: the server answers, but cannot serve; a wait it asks for as with 429 |
 * | 408 | retry ClusterUnreachable |
 * | 400, 422, other 4xx | terminal ResourceValidation |
 * | 3xx | terminal ConfigurationError: the URL leads to something that is no API server |
 *
 * kcp that restarts answers 403, then 500 as text, then 404 as text (measured on 0.32): none of them may read as "gone".
 */
export type Verdict =
  | { readonly kind: 'ok' }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'error'; readonly error: TmcError };

/** What was asked. */
export type Question = {
  readonly method: string;
  /** What the request was about, for the text: a formatted key or a resource. */
  readonly about: string;
  /** The object, when the request was about one. */
  readonly key?: ResourceKey;
  /** For how long requests like this have been answered 403 without a break; 0 or absent at the first. */
  readonly forbiddenForMs?: number;
  /** Whose credentials were refused, for a 401. */
  readonly identity?: IdentityNote;
  /** What to do about a missing right, for a 403. */
  readonly rightsHint?: string;
};

/** What came back. */
export type Answer = {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter?: string;
  /** The body, when it is a Status. */
  readonly statusBody?: Status;
};

/** A 403 is final after this long: kcp needs 10–15 s to know its rights again after a restart, twice that is safe. */
export const FORBIDDEN_GRACE_MS = 30_000;
/** Wait after a 429 that names none. */
const DEFAULT_RETRY_AFTER_MS = 1_000;
/** Longest wait a server is granted: one that names hours is mistaken, or stands behind a proxy that is, and recovers unseen. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** Judges one answer; see the table above. Pure. */
export function classify(answer: Answer, question: Question): Verdict {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'ok' };
  if (status === 404) return notFound(answer, question);
  return { kind: 'error', error: errorOf(answer, question) };
}

/** The error of a Status that came inside a watch stream: 410 is `expired`, everything else as if it were an answer. */
export function classifyWatchError(statusBody: Status | undefined, about: string): TmcError {
  const answer = {
    status: statusBody?.code ?? 500,
    contentType: 'application/json',
    ...(statusBody && { statusBody }),
  };
  const verdict = classify(answer, { method: 'WATCH', about });
  return verdict.kind === 'error' ? verdict.error : errorOf({ ...answer, status: 500 }, { method: 'WATCH', about });
}

function notFound(answer: Answer, question: Question): Verdict {
  const { statusBody } = answer;
  const { key } = question;
  if (statusBody?.reason === 'NotFound' && key) {
    const { name, kind, group = '' } = statusBody.details ?? {};
    // With PATCH an absent object of ours is created or a conflict; what the server misses by name there is told apart by kind.
    const sameKind = kind === undefined || (kind === key.resource && group === key.group);
    if (name === key.name && sameKind && question.method !== 'POST') return { kind: 'notFound' };
    if (kind === 'namespaces' && name === key.namespace && key.namespace !== '') {
      return { kind: 'error', error: missingNamespace(answer, question, key) };
    }
  }
  return {
    kind: 'error',
    error: retryError(`${textOf(answer, question)}; the resource is not served`, {
      ...factsOf(question),
      type: 'ResourceNotFound',
      hint: 'check that the API is installed; a server that restarts or changes a schema serves it again in seconds',
    }),
  };
}

function missingNamespace(answer: Answer, question: Question, key: ResourceKey): TmcError {
  const namespaceKey = `${key.workspace}|/namespaces|/${key.namespace}`;
  return terminalError(`${textOf(answer, question)}; create namespace ${key.namespace} first`, {
    type: 'ResourceNotFound',
    key: namespaceKey,
    hint: `create namespace ${key.namespace} and write again`,
  });
}

function errorOf(answer: Answer, question: Question): TmcError {
  const text = textOf(answer, question);
  const facts = factsOf(question);
  const { status } = answer;
  if (status === 401) return unauthorised(text, question);
  if (status === 403) return forbidden(answer, question);
  if (status === 409 || isUidMismatch(answer)) return conflictError(text, facts);
  if (status === 410) return new TmcError('expired', text, { ...facts, type: 'ResourceConflict' });
  if (status === 429) {
    const retryAfterMs = retryAfterOf(answer) ?? DEFAULT_RETRY_AFTER_MS;
    return retryError(text, { ...facts, type: 'ClusterUnavailable', retryAfterMs });
  }
  if (status === 408 || status >= 500 || status < 200) {
    const retryAfterMs = retryAfterOf(answer);
    return retryError(text, {
      ...facts,
      type: status >= 500 ? 'ClusterUnavailable' : 'ClusterUnreachable',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
  if (status < 400) return terminalError(text, { ...facts, type: 'ConfigurationError', hint: HINTS.url });
  return terminalError(text, { ...facts, type: 'ResourceValidation', hint: HINTS.invalid });
}

function unauthorised(text: string, question: Question): TmcError {
  const { identity } = question;
  return retryError(identity ? `${text}; refused was ${identity.text}` : text, {
    ...factsOf(question),
    type: 'ClusterAuthentication',
    hint: identity?.hint ?? HINTS.credentials,
  });
}

function isUidMismatch({ status, statusBody }: Answer): boolean {
  return status === 422 && statusBody?.details?.causes?.some(({ field }) => field === 'metadata.uid') === true;
}

const HINTS = {
  credentials: 'renew the credentials of the kubeconfig',
  rights: 'grant the identity of the kubeconfig this verb on this resource',
  policy: 'the server refuses this by a policy of its own (admission, quota), not for a missing right: do what it says',
  url: 'give the URL of an API server in the kubeconfig',
  invalid: 'correct the fields the server names',
} as const;

function forbidden(answer: Answer, question: Question): TmcError {
  const text = textOf(answer, question);
  const facts = factsOf(question);
  if (answer.statusBody?.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating')) {
    return retryError(text, { ...facts, type: 'ResourceConflict', hint: 'wait until the namespace is gone' });
  }
  const final = (question.forbiddenForMs ?? 0) > FORBIDDEN_GRACE_MS;
  const error = final ? terminalError : retryError;
  const hint = isPolicy(answer) ? HINTS.policy : (question.rightsHint ?? HINTS.rights);
  return error(text, { ...facts, type: 'ResourcePermission', hint });
}

/** Admission says why in words of its own; missing rights are always told as `cannot VERB` or, by kcp, as `access denied`. */
function isPolicy({ statusBody }: Answer): boolean {
  const said = /is forbidden: (.+)/s.exec(statusBody?.message ?? '')?.[1];
  return said !== undefined && !/ cannot \w+ |access denied|not yet ready/.test(` ${said}`);
}

function factsOf(question: Question): Pick<ErrorFacts, 'key'> {
  return question.key ? { key: question.about } : {};
}

/** `PATCH ws|apps/deployments|ns/name: 409 Conflict: …`; what a server says about a Secret may quote it and is left out. */
function textOf({ status, statusBody }: Answer, { method, about, key }: Question): string {
  const reason = statusBody?.reason ? ` ${statusBody.reason}` : '';
  const isSecret = key ? key.resource === 'secrets' : about.endsWith('secrets');
  const said = isSecret ? fieldsOf(statusBody) : statusBody?.message;
  return `${method} ${about}: ${status}${reason}${said ? `: ${said}` : ''}`;
}

function fieldsOf(statusBody: Status | undefined): string {
  return (statusBody?.details?.causes ?? []).map(({ field }) => field ?? '').join(', ');
}

/** The wait a server asked for: seconds in the header, or in the Status; never more than {@link MAX_RETRY_AFTER_MS}. */
function retryAfterOf({ retryAfter, statusBody }: Answer): number | undefined {
  const seconds = Number(retryAfter ?? statusBody?.details?.retryAfterSeconds ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : undefined;
}
