import { systemSleep } from '@tmc/kernel/clock.ts';
import { until } from '../real/harness/process.ts';
import type { Chaos } from './chaos.ts';
import type { RelayUnderTest } from './relay-process.ts';
import { HALF_OPEN } from './report.ts';

/** One kind of disturbance, under load; a phase begins and ends with everything up. */
export type Phase = { readonly name: string; readonly run: (chaos: Chaos, kills: number) => Promise<void> };

const wait = (ms: number) => systemSleep(ms, new AbortController().signal);
/** A time between both, drawn. */
const between = ({ random }: Chaos, fromMs: number, toMs: number) => fromMs + random() * (toMs - fromMs);
const pick = <T>({ random }: Chaos, items: readonly T[]) => items[Math.floor(random() * items.length)] as T;

async function calm(chaos: Chaos): Promise<void> {
  chaos.relay.start();
  await chaos.relay.ready();
  chaos.load.resume();
  await wait(2_000);
}

async function kill(chaos: Chaos, relay: RelayUnderTest = chaos.relay): Promise<void> {
  await relay.kill();
  chaos.done.kills += 1;
}

/** Shares of lives: killed while they start or list; after their messages had to wait; all others at any moment from the first read on. */
const LIVES = { young: 0.25, waiting: 0.1 };

/** Killed at any moment, started again at once; now and then the checkpoints are audited while it is dead. */
async function kills(chaos: Chaos, count: number): Promise<void> {
  for (let n = 1; n <= count; n += 1) {
    const drawn = chaos.random();
    const isYoung = drawn < LIVES.young;
    if (!isYoung) await chaos.relay.begun();
    if (drawn > 1 - LIVES.waiting) await killWithMessagesWaiting(chaos);
    else {
      // While it lists, sends its first messages, streams.
      await wait(isYoung ? between(chaos, 50, 700) : between(chaos, 0, 500));
      await kill(chaos);
    }
    if (n % 25 === 0) await chaos.auditCheckpoints();
    chaos.relay.start();
  }
}

/** Longer than a relay waits between two saves of its checkpoints. */
const SAVED_MS = 1_100;

/** Killed while what it read is not acknowledged: a checkpoint that was saved meanwhile must not be ahead of it. */
async function killWithMessagesWaiting(chaos: Chaos): Promise<void> {
  const { queues } = chaos.servers.links;
  queues.delay(between(chaos, 50, 500));
  await wait(between(chaos, 300, 1_000));
  queues.stall();
  await wait(between(chaos, 0, SAVED_MS));
  await kill(chaos);
  // Either what was under way is lost, or it arrives when the next life has begun.
  if (chaos.random() < 0.7) chaos.done.cuts += queues.cut();
  queues.delay(0);
  queues.resume();
  chaos.done.stalls += 1;
}

/** Killed, and objects go while it is dead: only list marks can tell. */
async function deletesUnwatched(chaos: Chaos): Promise<void> {
  for (let n = 0; n < 8; n += 1) {
    await wait(between(chaos, 200, 2_000));
    await kill(chaos);
    await chaos.load.deleteSome(5 + Math.floor(chaos.random() * 30));
    if (n % 2 === 0) await chaos.compact();
    await wait(between(chaos, 0, 500));
    chaos.relay.start();
  }
}

/** Stopped until its revisions are forgotten, by compaction or by a new watch cache; its connections are dead when it wakes. */
async function stopped(chaos: Chaos): Promise<void> {
  const { relay, servers, load, done } = chaos;
  for (let n = 0; n < 3; n += 1) {
    await wait(between(chaos, 500, 1_500));
    relay.signal('SIGSTOP');
    await wait(between(chaos, 500, 1_500));
    await load.deleteSome(10);
    if (n % 2 === 0) await chaos.restartApiServer();
    await wait(1_000);
    await chaos.compact();
    servers.links.api.cut();
    relay.signal('SIGCONT');
    done.stops += 1;
  }
  await relay.ready();
}

async function cut(chaos: Chaos): Promise<void> {
  const { links } = chaos.servers;
  for (let n = 0; n < 12; n += 1) {
    await wait(between(chaos, 50, 1_000));
    chaos.done.cuts += links.api.cut();
  }
  // Within lines, within frames, within handshakes.
  const before = links.api.accepted();
  links.api.cutAfterBytes(() => Math.floor(between(chaos, 0, 400_000)));
  links.api.cut();
  await wait(4_000);
  links.api.cutAfterBytes(undefined);
  chaos.done.cuts += links.api.cut() + links.api.accepted() - before - 1;
}

async function stalled(chaos: Chaos): Promise<void> {
  const { api } = chaos.servers.links;
  // Short ones pass unnoticed, a long one is noticed by an unanswered PING.
  for (const ms of [between(chaos, 500, 3_000), between(chaos, 500, 3_000), 22_000]) {
    await wait(between(chaos, 300, 1_000));
    api.stall();
    await wait(ms);
    api.resume();
    chaos.done.stalls += 1;
  }
}

/** Resolves once the relay delivers what is written now. Readiness comes some 20 s later, with the kinds nobody writes. */
async function delivering(chaos: Chaos): Promise<void> {
  const before = await chaos.checkpoint();
  await until('the relay to deliver', async () =>
    (await chaos.checkpoint()) > before ? undefined : `the checkpoint stays at ${before}`,
  );
}

async function halfOpen(chaos: Chaos): Promise<void> {
  const { api } = chaos.servers.links;
  for (const direction of ['from-server', 'to-server'] as const) {
    // A stream that is only being opened would end by its own deadline.
    await delivering(chaos);
    await wait(between(chaos, 300, 1_000));
    const before = chaos.counted(HALF_OPEN);
    const lost = api.halfOpen(direction);
    if (lost === 0) throw new Error(`no connection was there to be lost ${direction}`);
    chaos.done.halfOpens += lost;
    await until('half-open connections to be given up', async () => {
      const left = api.halfOpenLeft();
      return left === 0 ? undefined : `${left} are left`;
    });
    await until('the relay to tell of it', async () =>
      chaos.counted(HALF_OPEN) > before ? undefined : `${before} half-open streams, as before`,
    );
  }
}

async function compactions(chaos: Chaos): Promise<void> {
  for (let n = 0; n < 10; n += 1) {
    await wait(between(chaos, 100, 800));
    // What was sent before the cut but not read is asked for again, and is gone.
    chaos.servers.links.api.stall();
    await wait(between(chaos, 50, 400));
    await chaos.compact();
    chaos.done.cuts += chaos.servers.links.api.cut();
    chaos.servers.links.api.resume();
  }
}

async function apiServer(chaos: Chaos): Promise<void> {
  await chaos.restartApiServer();
  await wait(between(chaos, 1_000, 2_000));
  // The store first: the API server answers 500 for a while.
  await chaos.servers.etcd.kill();
  await wait(between(chaos, 100, 1_000));
  await chaos.servers.etcd.start();
  await wait(2_000);
}

/** Queue and table do not answer, in turn and together; the relay must wait, not lose. */
async function outages(chaos: Chaos): Promise<void> {
  const { queues, table } = chaos.servers.links;
  for (const links of [[queues], [table], [queues, table]]) {
    await wait(between(chaos, 300, 1_000));
    for (const link of links) link.refuse();
    await wait(between(chaos, 1_000, 3_000));
    for (const link of links) link.accept();
    chaos.done.outages += 1;
  }
  for (let n = 0; n < 6; n += 1) {
    await wait(between(chaos, 100, 600));
    const link = pick(chaos, [queues, table]);
    link.stall();
    await wait(between(chaos, 100, 1_500));
    // A batch whose answer is lost was accepted all the same.
    if (n % 2 === 0) chaos.done.cuts += link.cut();
    link.resume();
    chaos.done.stalls += 1;
  }
}

/** Two replicas, one elected: killed, stopped past its lease and woken beside its successor. */
async function replicas(chaos: Chaos): Promise<void> {
  const { pair, relay } = chaos;
  await relay.stop();
  for (const one of pair) one.start();
  for (let n = 0; n < 8; n += 1) {
    await wait(between(chaos, 500, 3_500));
    const one = pick(chaos, pair);
    await kill(chaos, one);
    if (n % 2 === 0) await chaos.load.deleteSome(5);
    one.start();
  }
  for (const one of pair) {
    await wait(between(chaos, 1_000, 2_000));
    one.signal('SIGSTOP');
    await wait(4_500);
    await chaos.compact();
    one.signal('SIGCONT');
    chaos.done.stops += 1;
  }
  await chaos.settle();
  for (const one of pair) await one.stop();
  relay.start();
  await relay.ready();
}

/** Everything at once, drawn. */
async function storm(chaos: Chaos): Promise<void> {
  const { api, queues, table } = chaos.servers.links;
  const acts: (() => Promise<unknown> | unknown)[] = [
    async () => {
      await kill(chaos);
      await wait(between(chaos, 0, 300));
      chaos.relay.start();
    },
    () => chaos.compact(),
    () => {
      const link = pick(chaos, [api, queues, table]);
      chaos.done.cuts += link.cut();
    },
    async () => {
      const link = pick(chaos, [api, queues, table]);
      link.stall();
      await wait(between(chaos, 100, 1_000));
      link.resume();
      chaos.done.stalls += 1;
    },
    () => chaos.load.deleteSome(10),
    async () => {
      const link = pick(chaos, [queues, table]);
      link.refuse();
      await wait(between(chaos, 100, 800));
      link.accept();
      chaos.done.outages += 1;
    },
  ];
  const restarting = wait(5_000).then(() => chaos.restartApiServer());
  const endMs = Date.now() + 20_000;
  while (Date.now() < endMs) {
    await wait(between(chaos, 0, 500));
    await pick(chaos, acts)();
  }
  await restarting;
}

/** More than an API server writes while it starts. */
const LOST_REVISIONS = 200n;

/** The server is set back to a backup, while the relay runs and while it is dead: what it held in between never happened. */
async function restored(chaos: Chaos): Promise<void> {
  for (const alive of [true, false]) {
    await wait(1_000);
    await chaos.load.pause();
    const backedUp = await chaos.backUp();
    chaos.load.resume();
    await until('the relay to deliver what will never have happened', async () => {
      const delivered = (await chaos.checkpoint()) - backedUp;
      return delivered > LOST_REVISIONS ? undefined : `${delivered} revisions past the backup`;
    });
    await chaos.load.pause();
    if (!alive) await kill(chaos);
    const before = await chaos.epoch();
    await chaos.restore();
    if (!alive) chaos.relay.start();
    // Once revisions have grown past those of the lost history, nobody can tell by them.
    await until('the relay to notice', async () => ((await chaos.epoch()) > before ? undefined : `epoch ${before}`));
    chaos.load.resume();
  }
  await wait(2_000);
}

/** In this order; `calm` starts the relay and goes first. */
export const PHASES: readonly Phase[] = [
  { name: 'calm', run: calm },
  { name: 'kills', run: kills },
  { name: 'deletes-unwatched', run: deletesUnwatched },
  { name: 'stopped', run: stopped },
  { name: 'cut', run: cut },
  { name: 'stalled', run: stalled },
  { name: 'half-open', run: halfOpen },
  { name: 'compactions', run: compactions },
  { name: 'api-server', run: apiServer },
  { name: 'outages', run: outages },
  { name: 'replicas', run: replicas },
  { name: 'storm', run: storm },
  { name: 'restored', run: restored },
];
