import { isTmcError, kindOf } from '@tmc/kernel/errors.ts';

/** Every state the reading of one (endpoint, resource) can be in; metrics and logs hang on these names. */
export const WATCH_STATES = [
  /** A stream was asked for; the server has not answered yet. */
  'connecting',
  /** The server accepted the stream and has sent nothing on it yet: nothing happened since the list. */
  'open',
  /** Pages of a list are being read. */
  'listing',
  /** WatchList: what is there comes as events of the stream that goes on live; complete at the annotated bookmark only. */
  'list-streaming',
  /** The last thing that came was an event. */
  'streaming',
  /** The last thing that came was a bookmark: the stream is alive and its revision fresh. */
  'bookmark',
  /** The server ended the stream at its deadline; it is resumed at once. */
  'closed',
  /** No answer, or the connection broke: refused, reset, ended within a line. */
  'cut',
  /** The stream outlived its own deadline: nobody reads at the other end any more. It is given up and resumed. */
  'quiet',
  /** PINGs on the connection were not answered: no byte and no FIN comes from there; resumes on a new one. */
  'half-open',
  /** 410: the revision is no longer known; lists again. */
  'expired',
  /** 404: the resource is not served (schema removed, server restarting); lists again. Deletes nothing. */
  'torn-down',
  /** 401: the credentials are not accepted. */
  'unauthorised',
  /** 403: this identity may not read the resource, or a server that restarts cannot tell yet. */
  'forbidden',
  /** 429: the server asked to wait. */
  'throttled',
  /** 5xx, or any answer that means try again. */
  'server-error',
  /** A line or object that cannot be read; it may have been any event, so lists again. */
  'malformed',
  /** A line, or a page of one object, longer than is read: the object was skipped unread, so lists again, by pages. */
  'oversized',
  /** An event older than what was already read, and no repetition of what is known: events may be missing; lists again. */
  'disordered',
  /** A list older than what was already read: a lagging replica, or a server whose revisions started over; a second raises the epoch. */
  'stale',
  /** Lists contradict what was read again, soon after that raised the epoch: it does not rise yet; lists again. */
  'contradictory',
  /** An error nobody foresaw; read the last error. */
  'failed',
  /** Waits before the next attempt. */
  'back-off',
  /** Not running: not begun, or ended by its owner. */
  'stopped',
] as const;

export type WatchState = (typeof WATCH_STATES)[number];

const READING: ReadonlySet<WatchState> = new Set(['open', 'streaming', 'bookmark', 'closed']);

/** True while the server is there: the present stream was accepted, or the last one ended as it should. */
export const isReading = (state: WatchState): boolean => READING.has(state);

const WELL: ReadonlySet<WatchState> = new Set([
  ...READING,
  'connecting',
  'listing',
  'list-streaming',
  'back-off',
  'stopped',
]);

/** True for a state that an error put the reading in. */
export const isFailing = (state: WatchState): boolean => !WELL.has(state);

/** Thrown by the relay itself when what it reads contradicts what it has read. */
export class ReadError extends Error {
  readonly state: 'malformed' | 'disordered' | 'stale' | 'quiet' | 'cut';

  constructor(state: ReadError['state'], message: string) {
    super(message);
    this.name = 'ReadError';
    this.state = state;
  }
}

/** `facts.component` of the error about a line that is too long. */
const LINE_LIMIT = 'watch-line-limit';
/** `facts.component` of the error about an answer that is too long. */
const ANSWER_LIMIT = 'answer-limit';

/** True for the error of a page with more bytes than are read: a smaller page may pass. */
export function isAnswerTooLarge(error: unknown): boolean {
  return isTmcError(error) && error.facts.component === ANSWER_LIMIT;
}

/** Revisions of etcd are 64-bit numbers. */
const REVISION = /^\d{1,19}$/;

/** The revision of an object, event or list. @throws ReadError malformed, naming `about`, when there is none. */
export function revisionOf(object: { metadata?: { resourceVersion?: string } } | undefined, about: string): bigint {
  const rv = object?.metadata?.resourceVersion ?? '';
  if (!REVISION.test(rv)) throw new ReadError('malformed', `${about} without a numeric resourceVersion: "${rv}"`);
  return BigInt(rv);
}

/** The state an error puts the reading in. */
export function stateOf(error: unknown): WatchState {
  if (error instanceof ReadError) return error.state;
  if (!isTmcError(error)) return 'failed';
  if (error.kind === 'malformed') return error.facts.component === LINE_LIMIT ? 'oversized' : 'malformed';
  if (isAnswerTooLarge(error)) return 'oversized';
  if (error.kind === 'expired') return 'expired';
  switch (error.facts.type) {
    case 'ResourceNotFound':
      return 'torn-down';
    case 'ClusterAuthentication':
      return 'unauthorised';
    case 'ResourcePermission':
      return 'forbidden';
    case 'ClusterUnreachable':
    case 'NetworkConnectivity':
      return 'cut';
    case 'SyncTimeout':
      return 'half-open';
    default:
      return waitStateOf(error);
  }
}

function waitStateOf(error: unknown): WatchState {
  if (kindOf(error) !== 'retry') return 'failed';
  return waitMsOf(error) === undefined ? 'server-error' : 'throttled';
}

/** How long the server asked to wait, if it did. */
export function waitMsOf(error: unknown): number | undefined {
  return isTmcError(error) ? error.facts.retryAfterMs : undefined;
}

/** True when events may have been missed: only a complete list tells what is there. */
export function needsList(state: WatchState): boolean {
  return ['expired', 'torn-down', 'malformed', 'oversized', 'disordered', 'stale', 'contradictory', 'failed'].includes(
    state,
  );
}
