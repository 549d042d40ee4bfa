import type { ViewEntry } from '@tmc/testkit/consumer-view.ts';
import { keyOf } from './consumer.ts';
import { needsRepair } from './generate.ts';
import type { History, KindName } from './history.ts';
import { Broken } from './ledger.ts';
import { perform } from './steps.ts';
import type { Stored } from './truth.ts';
import { type Running, World } from './world.ts';

/** Longest virtual time from the last fault until the view equals the server; above every back-off and deadline of a relay. */
const CALM_MS = 240_000;
/** How long nothing may be written once all is quiet. */
const REST_MS = 30_000;
/** States of a stream that is open. */
const READING = ['open', 'streaming', 'bookmark'];

export type Outcome = {
  readonly seed: number;
  /** The invariant that did not hold. */
  readonly broken?: string;
  readonly why?: string;
  readonly messages: number;
  readonly virtualMs: number;
};

/** Runs a history to its rest and checks everything; `log` hears what happens. */
export async function runHistory(history: History, log?: (line: string) => void): Promise<Outcome> {
  const world = new World(calmable(history));
  world.log = log;
  let failure: unknown;
  try {
    await play(world);
    await calmDown(world);
    await checkRest(world);
  } catch (error) {
    failure = error;
  }
  const broken = world.ledger.broken ?? failure;
  return {
    seed: history.seed,
    ...(broken !== undefined && {
      broken: broken instanceof Broken ? broken.invariant : 'no bug',
      why: textOf(broken),
    }),
    messages: world.ledger.messages,
    virtualMs: world.scheduler.nowMs,
  };
}

/** What the servers lost or took back only anti-entropy finds, and it needs streams that outlive its patience. */
function calmable(history: History): History {
  if (!needsRepair(history)) return history;
  const { shape } = history;
  const antiEntropyMs = shape.antiEntropyMs || 20_000;
  return { ...history, shape: { ...shape, antiEntropyMs, streamMs: 600_000 } };
}

function textOf(error: unknown): string {
  if (error instanceof Broken) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function play(world: World): Promise<void> {
  const { scheduler, history } = world;
  let left = history.steps.length;
  let atMs = 0;
  let started = false;
  for (const step of history.steps) {
    atMs += step.after;
    scheduler.after(atMs, () => {
      if (!started && step.after > 0) {
        started = true;
        world.start();
      }
      world.note(`step ${JSON.stringify(step)}`);
      perform(world, step);
      world.inspect();
      left -= 1;
    });
  }
  scheduler.after(atMs, () => {
    if (!started) world.start();
  });
  await scheduler.run(() => left === 0 || world.ledger.broken !== undefined);
  stopIfBroken(world);
}

function stopIfBroken({ ledger }: World): void {
  if (ledger.broken) throw ledger.broken;
}

/** Faults stop; time passes until one relay has told everything. */
async function calmDown(world: World): Promise<void> {
  const { scheduler } = world;
  // What was begun for a while (a kind torn down, a workspace hidden) ends by itself.
  await wait(world, 12_000);
  heal(world);
  world.note('faults have stopped');
  const deadlineMs = scheduler.nowMs + CALM_MS;
  // A server may be set back to a state that looks right: the relay finds out later, and tells all again.
  const isSetBack = world.servers.some(({ restored }) => restored);
  const noticedMs = scheduler.nowMs + (isSetBack ? 2 * world.history.shape.antiEntropyMs : 0);
  for (;;) {
    await wait(world, 500);
    const wrong = findWrong(world);
    if (wrong === undefined && scheduler.nowMs >= noticedMs) return;
    if (wrong !== undefined && scheduler.nowMs > deadlineMs) throw wrong;
  }
}

async function wait(world: World, ms: number): Promise<void> {
  let over = false;
  world.scheduler.after(ms, () => {
    over = true;
  });
  await world.scheduler.run(() => over || world.ledger.broken !== undefined);
  stopIfBroken(world);
}

function heal(world: World): void {
  for (const { network } of world.endpoints) network.heal();
  for (const server of world.servers) server.loseNothing();
  world.queue.heal();
  world.table.heal();
  const [survivor, ...others] = [...world.running].filter((running) => !world.ending.has(running));
  survivor?.process.spare();
  survivor?.process.thaw();
  for (const other of [...others, ...world.ending]) other.process.killAfter(0, () => world.forget(other));
  if (!survivor) world.start();
}

/** What is not as it must be at rest; undefined when everything is. */
function findWrong(world: World): Broken | undefined {
  const [running, ...others] = world.running;
  if (!running || others.length > 0) return new Broken('no bug', `${world.running.size} relays run`);
  if (!running.relay.ready()) return new Broken('comes to rest', `the relay does not get ready: ${sourcesOf(running)}`);
  const isReading = running.relay.state().every(({ state }) => READING.includes(state));
  if (!isReading) return new Broken('comes to rest', `the relay does not read: ${sourcesOf(running)}`);
  const { outbox } = running.relay.metrics();
  if (outbox.entries > 0)
    return new Broken('comes to rest', `${outbox.entries} messages stay in the outbox: ${outbox.lastError}`);
  if (world.queue.waiting > 0) return new Broken('comes to rest', 'messages wait in the queue');
  return wrongView(world) ?? wrongInventory(world, running);
}

function sourcesOf({ relay }: Running): string {
  return relay
    .state()
    .map(({ endpoint, resource, state, lastError }) => `${endpoint} ${resource} is ${state} (${lastError})`)
    .join('; ');
}

/** The consumer's view against what the servers hold. */
function wrongView(world: World): Broken | undefined {
  const believed = new Map(world.consumer.entries().map((entry) => [entry.id, entry]));
  for (const server of world.servers) {
    for (const stored of world.history.shape.kinds.flatMap((kind) => server.visible(kind))) {
      const id = keyOf(stored);
      const wrong = wrongEntry(id, stored, believed.get(id));
      believed.delete(id);
      // The consumer may have let it go before the server was set back: what it did then was never told.
      if (server.restored && stored.object.metadata.deletionTimestamp) continue;
      if (wrong !== undefined) return new Broken('no lost update', wrong);
    }
  }
  for (const { id, uid, rv } of believed.values()) {
    return new Broken('no lost delete', `${id} is gone, the consumer believes ${uid} at ${rv}`);
  }
  return undefined;
}

function wrongEntry(id: string, { uid, rv, interestRv }: Stored, entry: ViewEntry | undefined): string | undefined {
  if (!entry) return `${id} is at revision ${rv}, the consumer knows nothing of it`;
  if (entry.uid === uid && Number(entry.rv) >= interestRv && Number(entry.rv) <= rv) return undefined;
  return `${id} is ${uid} at revision ${interestRv} to ${rv}, the consumer believes ${entry.uid} at ${entry.epoch}/${entry.rv}`;
}

function wrongInventory(world: World, { relay }: Running): Broken | undefined {
  for (const { endpoint, resource, objects } of relay.state()) {
    const server = world.endpoints.find(({ name }) => name === endpoint)?.server;
    const there = server?.visible(resource as KindName).length ?? 0;
    if (objects !== there)
      return new Broken('bounded memory', `${resource} at ${endpoint}: ${objects} remembered of ${there} objects`);
  }
  return undefined;
}

/** At rest nothing is written, and nothing was repaired that no server had lost. */
async function checkRest(world: World): Promise<void> {
  const { ledger, history } = world;
  // What moved last may be saved once more.
  await wait(world, 3_000);
  const before = { messages: ledger.messages, saves: ledger.saves };
  await wait(world, Math.max(REST_MS, world.history.shape.antiEntropyMs * 1.6));
  if (ledger.messages > before.messages) throw new Broken('steady state writes nothing', 'messages were sent at rest');
  if (ledger.saves > before.saves) throw new Broken('steady state writes nothing', 'checkpoints were saved at rest');
  world.inspect();
  const [running] = world.running;
  const wrong = wrongView(world) ?? (running && wrongInventory(world, running));
  if (wrong) throw wrong;
  const repaired = running?.relay.state().reduce((sum, { counters }) => sum + counters.repaired, 0) ?? 0;
  // What is out of sight and back, as the same object, while the stream waits for room may count as lost.
  const isHidden = history.steps.some(({ do: what }) => what === 'hide');
  if (repaired > 0 && !isHidden && !needsRepair(history))
    throw new Broken('nothing to repair', `anti-entropy repaired ${repaired} objects`);
}
