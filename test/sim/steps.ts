import type { Action, KindName, OddLine, Step } from './history.ts';
import { SECRET_MARKS } from './server.ts';
import { errorLine } from './transport.ts';
import { MAX_LINE_BYTES, type Running, type World } from './world.ts';

type ActionOf<Name extends Action['do']> = Extract<Action, { do: Name }>;
type Acts = { readonly [Name in Action['do']]: (world: World, action: ActionOf<Name>) => void };

/** What each step does to the world. */
const ACTS: Acts = {
  write: (world, { endpoint, kind, name, ...how }) => server(world, endpoint).write(kind, name, how),
  status: (world, { endpoint, kind, name }) => server(world, endpoint).touch(kind, name, 'status'),
  managedFields: (world, { endpoint, kind, name }) => server(world, endpoint).touch(kind, name, 'managedFields'),
  delete: (world, { endpoint, kind, name }) => server(world, endpoint).remove(kind, name),
  deleteAndRecreate: (world, { endpoint, kind, name }) => {
    server(world, endpoint).remove(kind, name);
    server(world, endpoint).write(kind, name);
  },
  burst: (world, { endpoint, kind, count }) => {
    const workspace = workspacesOf(endpoint)[0] as string;
    for (let at = 0; at < count; at += 1)
      server(world, endpoint).write(kind, idOf(kind, workspace, 'n1', `b${at % 20}`));
  },
  hide: (world, { endpoint, workspace, forMs }) => {
    server(world, endpoint).hide(workspace);
    world.scheduler.after(forMs, () => server(world, endpoint).show(workspace));
  },
  compact: (world, { endpoint }) => server(world, endpoint).compact(),
  backup: (world, { endpoint }) => server(world, endpoint).backUp(),
  restore: (world, { endpoint }) => {
    server(world, endpoint).restore();
    world.endpoints[endpoint]?.lists.clear();
    network(world, endpoint).breakAll('reset');
  },
  restart: (world, { endpoint, forMs }) => {
    network(world, endpoint).breakAll('reset');
    server(world, endpoint).compact();
    for (const status of [403, 500, 404]) network(world, endpoint).arm('any', status, 1 + Math.floor(forMs / 500));
  },
  loseEvent: (world, { endpoint, kind }) => server(world, endpoint).loseNext(kind),
  reorder: (world, { endpoint, kind, name, other }) =>
    server(world, endpoint).reorder(() => {
      for (const each of [name, other]) server(world, endpoint).write(kind, each);
    }),
  cut: (world, { endpoint, bytes, how }) => network(world, endpoint).cutAfter(bytes, how),
  stall: (world, { endpoint, forMs }) => network(world, endpoint).stall(forMs),
  answer: (world, { endpoint, verb, status, count }) => network(world, endpoint).arm(verb, status, count),
  answerLost: (world, { endpoint, count }) => {
    network(world, endpoint).lost += count;
  },
  answerCut: (world, { endpoint, count }) => {
    network(world, endpoint).cutAnswers += count;
  },
  tokensExpire: (world, { endpoint, count }) => {
    network(world, endpoint).expiredTokens += count;
  },
  line: (world, { endpoint, kind, what }) => server(world, endpoint).inject(kind, oddLine(world, endpoint, kind, what)),
  close: (world, { endpoint }) => network(world, endpoint).closeAll(),
  tearDown: (world, { endpoint, kind, forMs }) => {
    server(world, endpoint).serve(kind, false);
    network(world, endpoint).closeAll();
    world.scheduler.after(forMs, () => server(world, endpoint).serve(kind, true));
  },
  endpointGone: (world, { endpoint, forMs }) => {
    const gone = world.endpoints[endpoint];
    if (!gone) return;
    world.present.delete(gone);
    world.away.add(gone.server.index);
    world.reconfigure();
    world.scheduler.after(forMs, () => {
      world.present.add(gone);
      world.reconfigure();
    });
  },
  kindDropped: (world, { kind, forMs }) => {
    world.kinds.delete(kind);
    world.reconfigure();
    world.scheduler.after(forMs, () => {
      world.kinds.add(kind);
      world.reconfigure();
    });
  },
  queueRefuses: (world, { messages }) => {
    world.queue.refuses += messages;
  },
  queueFails: (world, { sends }) => {
    world.queue.fails += sends;
  },
  queueAnswerLost: (world, { sends }) => {
    world.queue.losesAnswer += sends;
  },
  queueSlow: (world, { forMs, delayMs }) => {
    world.queue.slow(delayMs);
    world.scheduler.after(forMs, () => world.queue.slow(0));
  },
  tableFails: (world, { calls }) => {
    world.table.fails += calls;
  },
  tableAnswerLost: (world, { calls }) => {
    world.table.losesAnswer += calls;
  },
  kill: (world, { effects, pauseMs }) => kill(world, { effects, pauseMs }),
  stop: (world, { pauseMs }) => stop(world, pauseMs),
  freeze: (world, { forMs }) => {
    const [running] = world.running;
    running?.process.freeze();
    world.scheduler.after(forMs, () => running?.process.thaw());
  },
  overlap: (world, { forMs, survivor }) => overlap(world, { forMs, survivor }),
  clockJumps: (world, { byMs }) => {
    world.skewMs += byMs;
  },
};

export function perform(world: World, step: Step): void {
  const act = ACTS[step.do] as (world: World, action: Action) => void;
  act(world, step);
}

/** The workspaces of an endpoint's server. */
export function workspacesOf(endpoint: number): readonly string[] {
  return endpoint === 0 ? ['a', 'b'] : ['c', 'd'];
}

export function idOf(kind: KindName, workspace: string, namespace: string, name: string): string {
  return kind === 'synctargets.workload.kcp.io' ? `${workspace}//${name}` : `${workspace}/${namespace}/${name}`;
}

function kill(world: World, { effects, pauseMs }: { effects: number; pauseMs: number }): void {
  const [running] = world.running;
  if (!running) return;
  running.process.killAfter(effects, () => {
    world.note(`${running.process.name} dies`);
    world.forget(running);
    startAgain(world, pauseMs);
  });
}

function stop(world: World, pauseMs: number): void {
  const [running] = world.running;
  if (running && !world.ending.has(running)) void end(world, running).then(() => startAgain(world, pauseMs));
}

async function end(world: World, running: Running): Promise<void> {
  world.ending.add(running);
  await running.relay.stop();
  world.note(`${running.process.name} has stopped`);
  world.forget(running);
  running.process.killAfter(0, () => {});
}

function startAgain(world: World, pauseMs: number): void {
  world.scheduler.after(pauseMs, () => {
    if (world.running.size === 0) world.start();
  });
}

function overlap(world: World, { forMs, survivor }: { forMs: number; survivor: 'first' | 'second' }): void {
  const [first] = world.running;
  if (!first || world.running.size > 1) return;
  const second = world.start();
  world.scheduler.after(forMs, () => {
    const loser = survivor === 'first' ? second : first;
    if (world.running.has(loser) && world.running.size > 1) void end(world, loser);
  });
}

function server(world: World, endpoint: number) {
  const found = world.servers[endpoint];
  if (!found) throw new Error(`there is no server ${endpoint}`);
  return found;
}

function network(world: World, endpoint: number) {
  const found = world.endpoints[endpoint];
  if (!found) throw new Error(`there is no endpoint ${endpoint}`);
  return found.network;
}

function oddLine(world: World, endpoint: number, kind: KindName, what: OddLine): string {
  switch (what) {
    case 'garbage':
      return '{"type":"MODIF\n';
    case 'halfSecret':
      return `{"type":"ADDED","object":{"data":{"password":"${SECRET_MARKS[1]}\n`;
    case 'oversized':
      return `{"type":"MODIFIED","padding":"${'x'.repeat(MAX_LINE_BYTES + 1)}"}\n`;
    case 'error410':
      return errorLine(410, kind);
    case 'error500':
      return errorLine(500, kind);
    case 'noEvent':
      return '{"type":"SURPRISE","object":{}}\n';
    case 'repeat':
      return server(world, endpoint).lastLines(kind, 8);
  }
}
