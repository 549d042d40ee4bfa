import type { RequestVerb } from './network.ts';

/** The kinds of a simulated server, by the name the relay gives them. */
export const KINDS = ['configmaps', 'secrets', 'deployments.apps', 'synctargets.workload.kcp.io'] as const;
export type KindName = (typeof KINDS)[number];

/** What stays as it is during a history. */
export type Shape = {
  /** API servers, each with workspaces of its own. */
  readonly endpoints: 1 | 2;
  readonly kinds: readonly KindName[];
  /** Objects of one page at most. */
  readonly pageSize: number;
  /** Whether the servers stream lists (WatchList), or how they refuse it. */
  readonly watchList: 'served' | 400 | 422;
  /** Whether a 410 of a watch comes as the answer's status or as an event of a stream. */
  readonly expiredAs: 'event' | 'status';
  /** Longest way of a request, an answer or an event, ms. */
  readonly latencyMs: number;
  /** Cuts what is sent into pieces at any byte. */
  readonly pieces: boolean;
  /** Pace of bookmarks; 0: none, as kcp does for quiet kinds. */
  readonly bookmarkMs: number;
  /** The servers end streams after this time, whatever was asked. */
  readonly streamMs: number;
  readonly outbox: { readonly maxBytes: number; readonly maxInFlight: number; readonly lingerMs: number };
  /** Longest time a message waits in the queue; each is delivered up to this often. */
  readonly queue: { readonly delayMs: number; readonly deliveries: number };
  /** Mean interval of anti-entropy; 0: never. */
  readonly antiEntropyMs: number;
};

/** Names an object: endpoint, workspace and name within it. Namespaces follow from the name. */
type Place = { readonly endpoint: number; readonly kind: KindName; readonly name: string };

/** What happens `after` ms since the step before. */
export type Step = { readonly after: number } & Action;

export type Action =
  /** Creates, or replaces the content when it is there. */
  | ({ readonly do: 'write'; readonly held?: boolean; readonly large?: boolean } & Place)
  /** A change that nobody who consumes reads. */
  | ({ readonly do: 'status' | 'managedFields' } & Place)
  | ({ readonly do: 'delete' } & Place)
  | ({ readonly do: 'deleteAndRecreate' } & Place)
  /** Many writes at one instant. */
  | { readonly do: 'burst'; readonly endpoint: number; readonly kind: KindName; readonly count: number }
  /** A right to see a workspace is taken, and given back later. */
  | { readonly do: 'hide'; readonly endpoint: number; readonly workspace: string; readonly forMs: number }
  /** The server forgets its history. */
  | { readonly do: 'compact'; readonly endpoint: number }
  /** Remembers the server's state for `restore`. */
  | { readonly do: 'backup'; readonly endpoint: number }
  /** The server is set back to the last backup, or to its beginning, and started again. */
  | { readonly do: 'restore'; readonly endpoint: number }
  /** kcp restarts: 403, then 500, then 404 as text, then all revisions are forgotten. */
  | { readonly do: 'restart'; readonly endpoint: number; readonly forMs: number }
  /** The next write of the kind is told on no stream and kept in no history. */
  | { readonly do: 'loseEvent'; readonly endpoint: number; readonly kind: KindName }
  /** Two writes of one instant whose events come on open streams in the wrong order. */
  | ({ readonly do: 'reorder'; readonly other: string } & Place)
  /** Streams and answers on their way break after so many more bytes. */
  | { readonly do: 'cut'; readonly endpoint: number; readonly bytes: number; readonly how: 'reset' | 'rst' | 'fin' }
  /** No byte passes, no connection is closed. */
  | { readonly do: 'stall'; readonly endpoint: number; readonly forMs: number }
  /** The servers' next answers to such requests. */
  | {
      readonly do: 'answer';
      readonly endpoint: number;
      readonly verb: RequestVerb;
      readonly status: number;
      readonly count: number;
    }
  | { readonly do: 'answerLost' | 'answerCut'; readonly endpoint: number; readonly count: number }
  | { readonly do: 'tokensExpire'; readonly endpoint: number; readonly count: number }
  /** Something on the open streams of a kind that no server should send. */
  | { readonly do: 'line'; readonly endpoint: number; readonly kind: KindName; readonly what: OddLine }
  /** The streams of an endpoint are ended as by a server that shuts down. */
  | { readonly do: 'close'; readonly endpoint: number }
  | { readonly do: 'tearDown'; readonly endpoint: number; readonly kind: KindName; readonly forMs: number }
  | { readonly do: 'endpointGone'; readonly endpoint: number; readonly forMs: number }
  | { readonly do: 'kindDropped'; readonly kind: KindName; readonly forMs: number }
  | { readonly do: 'queueRefuses'; readonly messages: number }
  | { readonly do: 'queueFails' | 'queueAnswerLost'; readonly sends: number }
  | { readonly do: 'queueSlow'; readonly forMs: number; readonly delayMs: number }
  | { readonly do: 'tableFails' | 'tableAnswerLost'; readonly calls: number }
  /** The relay dies at its n-th effect from now; the next one starts after the pause. */
  | { readonly do: 'kill'; readonly effects: number; readonly pauseMs: number }
  /** The relay is told to stop; the next one starts after the pause. */
  | { readonly do: 'stop'; readonly pauseMs: number }
  /** The process sleeps (SIGSTOP) while the world goes on. */
  | { readonly do: 'freeze'; readonly forMs: number }
  /** A second relay runs beside the first for a while; which of them ends is drawn. */
  | { readonly do: 'overlap'; readonly forMs: number; readonly survivor: 'first' | 'second' }
  | { readonly do: 'clockJumps'; readonly byMs: number };

export type OddLine = 'garbage' | 'halfSecret' | 'oversized' | 'error410' | 'error500' | 'noEvent' | 'repeat';

/** Everything that decides a run: the same history is the same run. */
export type History = { readonly seed: number; readonly shape: Shape; readonly steps: readonly Step[] };

/** A history for people, one line per step. */
export function describeHistory({ seed, shape, steps }: History): string {
  let atMs = 0;
  const lines = steps.map(({ after, do: what, ...facts }) => {
    atMs += after;
    const words = Object.entries(facts).map(([name, value]) => `${name}=${String(value)}`);
    return `  ${(atMs / 1000).toFixed(3).padStart(8)} s  ${what.padEnd(18)} ${words.join(' ')}`;
  });
  const plain = Object.entries(shape).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [`  seed ${seed}: ${plain.join(' ')}`, ...lines].join('\n');
}
