import { type SeededRandom, seededRandom } from '@tmc/testkit/random.ts';
import { type Action, type History, KINDS, type KindName, type Shape, type Step } from './history.ts';
import { idOf, workspacesOf } from './steps.ts';

/** Draws from a seed; one sequence decides shape and steps. */
class Draw {
  readonly random: SeededRandom;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)] as T;
  }

  /** A whole number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  chance(share: number): boolean {
    return this.random() < share;
  }
}

const NAMES = ['o1', 'o2', 'o3', 'o4'];
const STATUSES = [401, 403, 404, 429, 500, 503] as const;

/** The history of a seed. Each draws a few kinds of trouble only: many at once hide one another. */
export function generateHistory(seed: number): History {
  const draw = new Draw(seed);
  const shape = shapeOf(draw);
  const drawn = shuffledTroubles(draw).slice(0, draw.between(0, 4));
  const troubles = drawn.filter((trouble) => !isHopeless(trouble, new Set(drawn)));
  const steps: Step[] = [];
  const initial = draw.between(3, 14);
  for (let at = 0; at < initial; at += 1) steps.push({ after: 0, ...write(draw, shape) });
  steps.push({ after: draw.pick([0, 2_000]), ...write(draw, shape) });
  const count = draw.between(12, 45);
  for (let at = 0; at < count; at += 1) {
    const isTrouble = troubles.length > 0 && draw.chance(0.35);
    const action = isTrouble ? draw.pick(troubles)(draw, shape) : change(draw, shape);
    steps.push({ after: pauseMs(draw), ...action });
  }
  return { seed, shape, steps };
}

function pauseMs(draw: Draw): number {
  const kind = draw.random();
  if (kind < 0.3) return 0;
  return kind < 0.8 ? draw.between(1, 400) : draw.between(400, 6_000);
}

function shapeOf(draw: Draw): Shape {
  const isSmall = draw.chance(0.5);
  const kinds = draw.chance(0.5) ? [draw.pick(KINDS)] : KINDS.filter(() => draw.chance(0.6));
  return {
    endpoints: draw.chance(0.2) ? 2 : 1,
    kinds: kinds.length > 0 ? kinds : ['configmaps'],
    pageSize: draw.pick([1, 2, 3, 5, 500]),
    watchList: draw.pick(['served', 'served', 400, 422]),
    expiredAs: draw.pick(['event', 'status']),
    latencyMs: draw.pick([1, 5, 30, 200]),
    pieces: draw.chance(0.5),
    bookmarkMs: draw.pick([0, 5_000, 20_000]),
    streamMs: draw.pick([8_000, 30_000, 600_000]),
    outbox: isSmall
      ? { maxBytes: draw.pick([1_000, 4_000, 16_000]), maxInFlight: draw.between(1, 4), lingerMs: draw.pick([0, 10]) }
      : { maxBytes: 8 * 1024 * 1024, maxInFlight: 50, lingerMs: 10 },
    queue: { delayMs: draw.pick([10, 200, 3_000]), deliveries: draw.between(1, 3) },
    antiEntropyMs: draw.pick([0, 20_000, 40_000]),
  };
}

function place(draw: Draw, { kinds, endpoints }: Shape): { endpoint: number; kind: KindName; name: string } {
  const kind = draw.pick(kinds);
  const endpoint = draw.between(0, endpoints - 1);
  return {
    endpoint,
    kind,
    name: idOf(kind, draw.pick(workspacesOf(endpoint)), draw.pick(['n1', 'n2']), draw.pick(NAMES)),
  };
}

function write(draw: Draw, shape: Shape): Action {
  const large = draw.chance(0.05) && { large: true };
  const held = draw.chance(0.3) && { held: true };
  return { do: 'write', ...place(draw, shape), ...large, ...held };
}

function change(draw: Draw, shape: Shape): Action {
  const kind = draw.random();
  if (kind < 0.45) return write(draw, shape);
  if (kind < 0.7) return { do: 'delete', ...place(draw, shape) };
  if (kind < 0.78) return { do: 'deleteAndRecreate', ...place(draw, shape) };
  if (kind < 0.86) return { do: 'status', ...place(draw, shape) };
  if (kind < 0.94) return { do: 'managedFields', ...place(draw, shape) };
  const { endpoint, kind: burstKind } = place(draw, shape);
  return { do: 'burst', endpoint, kind: burstKind, count: draw.pick([3, 8, 30]) };
}

type Trouble = (draw: Draw, shape: Shape) => Action;

const onEndpoint = (draw: Draw, { endpoints }: Shape) => ({ endpoint: draw.between(0, endpoints - 1) });
const onKind = (draw: Draw, shape: Shape) => {
  const { endpoint, kind } = place(draw, shape);
  return { endpoint, kind };
};

const loseEvent: Trouble = (draw, shape) => ({ do: 'loseEvent', ...onKind(draw, shape) });
const reorder: Trouble = (draw, shape) => {
  const { endpoint, kind, name } = place(draw, shape);
  const other = idOf(kind, draw.pick(workspacesOf(endpoint)), 'n1', draw.pick(NAMES));
  return { do: 'reorder', endpoint, kind, name, other };
};
const kill: Trouble = (draw) => ({ do: 'kill', effects: draw.between(0, 60), pauseMs: draw.pick([0, 500, 5_000]) });
const killSoon: Trouble = (draw) => ({ do: 'kill', effects: draw.between(0, 12), pauseMs: draw.pick([0, 100]) });
const stop: Trouble = (draw) => ({ do: 'stop', pauseMs: draw.pick([0, 500, 5_000]) });
const overlap: Trouble = (draw) => ({
  do: 'overlap',
  forMs: draw.pick([500, 5_000, 15_000]),
  survivor: draw.pick(['first', 'second']),
});
const endpointGone: Trouble = (draw, shape) => ({
  do: 'endpointGone',
  ...onEndpoint(draw, shape),
  forMs: draw.between(100, 8_000),
});
const kindDropped: Trouble = (draw, { kinds }) => ({
  do: 'kindDropped',
  kind: draw.pick(kinds),
  forMs: draw.between(100, 8_000),
});
const tableFails: Trouble = (draw) => ({
  do: draw.pick(['tableFails', 'tableAnswerLost'] as const),
  calls: draw.between(1, 4),
});
const restore: Trouble = (draw, shape) => ({
  do: draw.pick(['restore', 'backup'] as const),
  ...onEndpoint(draw, shape),
});

/** After these somebody reads on who knows no more than the checkpoints. */
const RESTARTS: ReadonlySet<Trouble> = new Set([kill, killSoon, stop, overlap, endpointGone, kindDropped]);

/**
 * Troubles that no relay could live with together. What a server lost before a restart nobody can know: the checkpoint says it was
 * told. Of two events in the wrong order nobody can miss the second when reading ends after the first. That a server was set back
 * knows who has read it before, or by a checkpoint, which may not have been saved yet. And what one of two relays found out of sight the other, which did not look meanwhile, cannot deny.
 */
function isHopeless(trouble: Trouble, drawn: ReadonlySet<Trouble>): boolean {
  if (trouble === reorder) return [cut, stop, overlap, endpointGone, kindDropped].some((end) => drawn.has(end));
  if (trouble === hide) return drawn.has(overlap);
  return RESTARTS.has(trouble) && (drawn.has(loseEvent) || drawn.has(restore));
}

const hide: Trouble = (draw, shape) => {
  const { endpoint } = onEndpoint(draw, shape);
  return { do: 'hide', endpoint, workspace: draw.pick(workspacesOf(endpoint)), forMs: draw.between(100, 8_000) };
};

const cut: Trouble = (draw, shape) => ({
  do: 'cut',
  ...onEndpoint(draw, shape),
  bytes: draw.pick([0, draw.between(1, 400), draw.between(1, 6_000)]),
  how: draw.pick(['reset', 'rst', 'fin']),
});

const TROUBLES: readonly Trouble[] = [
  cut,
  (draw, shape) => ({ do: 'stall', ...onEndpoint(draw, shape), forMs: draw.pick([500, 8_000, 25_000, 45_000]) }),
  (draw, shape) => ({ do: 'compact', ...onEndpoint(draw, shape) }),
  (draw, shape) =>
    draw.chance(0.5) ? { do: 'compact', ...onEndpoint(draw, shape) } : { do: 'close', ...onEndpoint(draw, shape) },
  (draw, shape) => ({
    do: 'answer',
    ...onEndpoint(draw, shape),
    verb: draw.pick(['list', 'page', 'watch', 'watchList', 'any']),
    status: draw.pick(STATUSES),
    count: draw.between(1, 3),
  }),
  (draw, shape) => ({
    do: draw.pick(['answerLost', 'answerCut', 'tokensExpire'] as const),
    ...onEndpoint(draw, shape),
    count: draw.between(1, 3),
  }),
  (draw, shape) => ({
    do: 'line',
    ...onKind(draw, shape),
    what: draw.pick(['garbage', 'halfSecret', 'oversized', 'error410', 'error500', 'noEvent', 'repeat']),
  }),
  (draw, shape) => ({ do: 'restart', ...onEndpoint(draw, shape), forMs: draw.between(100, 2_000) }),
  (draw, shape) => ({ do: 'tearDown', ...onKind(draw, shape), forMs: draw.between(100, 8_000) }),
  endpointGone,
  kindDropped,
  hide,
  (draw) => ({ do: 'queueRefuses', messages: draw.between(1, 8) }),
  (draw) => ({ do: draw.pick(['queueFails', 'queueAnswerLost'] as const), sends: draw.between(1, 4) }),
  (draw) => ({ do: 'queueSlow', forMs: draw.between(500, 10_000), delayMs: draw.between(100, 2_000) }),
  tableFails,
  kill,
  killSoon,
  stop,
  (draw) => ({ do: 'freeze', forMs: draw.pick([300, 5_000, 20_000]) }),
  overlap,
  (draw) => ({ do: 'clockJumps', byMs: draw.pick([-3_600_000, -30_000, 30_000, 86_400_000]) }),
  restore,
  loseEvent,
  reorder,
];

function shuffledTroubles(draw: Draw): Trouble[] {
  const left = [...TROUBLES];
  return TROUBLES.map(() => left.splice(Math.floor(draw.random() * left.length), 1)[0] as Trouble);
}

/** A history in which the servers lie needs anti-entropy to come right. */
export function needsRepair({ steps }: Pick<History, 'steps'>): boolean {
  return steps.some(({ do: what }) => what === 'loseEvent' || what === 'restore');
}
