import { QUEUES } from '@tmc/kernel/envelope.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { seededRandom } from '@tmc/testkit/random.ts';
import type { takeOverSurroundings } from './ambient.ts';
import { Faults, ratesOf } from './faults.ts';
import { findWrongs } from './oracle.ts';
import { play, prepare } from './script.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

const START_MS = Date.UTC(2026, 0, 1);
/** Longest time to come to rest after the last fault: the longest delay, and all receives of a message after it. */
const REST_MS = 15 * 60_000;
/** Nothing moved for so long: at rest. Longer than any delay of the handlers while something is unfinished but in a queue. */
const STILL_MS = 5_000;
const QUIET_MS = 60_000;
/** Lines of the run that a failure shows. */
const TAIL = 60;

export type SeedResult = {
  readonly seed: number;
  readonly wrongs: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly parked: number;
  readonly virtualMs: number;
  readonly log: readonly string[];
};

export type SeedOptions = Pick<WorldOptions, 'wrapMember'> & {
  /** Lines of the log in the result. */
  readonly lines?: number;
};

/** One world from its beginning to rest. */
export async function runSeed(
  seed: number,
  surroundings: ReturnType<typeof takeOverSurroundings>,
  options: SeedOptions = {},
): Promise<SeedResult> {
  const clock = createTestClock(START_MS);
  const random = seededRandom(seed * 7 + 1);
  surroundings.enter(clock, seededRandom(seed * 7 + 2));
  const faults = new Faults(ratesOf(random), seededRandom(seed * 7 + 3));
  const { wrapMember } = options;
  const world = startWorld({ clock, random, faults, ...(wrapMember && { wrapMember }) });
  const wrongs: string[] = [];
  let parked = 0;
  try {
    await prepare(world);
    await play(world, seededRandom(seed * 7 + 4));
    await clock.advance(2_000);
    faults.stop();
    world.journal.note('the faults stop');
    parked = await comeToRest(world);
    wrongs.push(...findWrongs(world));
    if (wrongs.length === 0) wrongs.push(...(await movesAtRest(world)));
  } catch (error) {
    wrongs.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const virtualMs = clock.now() - START_MS;
  return { seed, wrongs, counts: faults.counts, parked, virtualMs, log: world.journal.tail(options.lines ?? TAIL) };
}

/** Until no message is left and nothing was written for a while; dead letters are sent again, as an operator does. */
async function comeToRest(world: World): Promise<number> {
  const { clock, journal, queues } = world;
  const deadlineMs = clock.now() + REST_MS;
  let parked = 0;
  let still = { writes: -1, sinceMs: 0 };
  for (;;) {
    const moving = await findMoving(world);
    for (const name of QUEUES) parked += (await queues[name].redrive()).count;
    if (moving.length > 0 || journal.writes !== still.writes) still = { writes: journal.writes, sinceMs: clock.now() };
    else if (clock.now() - still.sinceMs >= STILL_MS) return parked;
    if (clock.now() > deadlineMs) {
      throw new Error(`not at rest after ${REST_MS / 1000} s: ${moving.join(', ')}; last write: ${journal.lastWrite}`);
    }
    await clock.advance(500);
  }
}

/** Signs of life never end: the recovery queue is left out. */
async function findMoving({ queues, relays }: World): Promise<string[]> {
  const moving: string[] = [];
  for (const name of QUEUES) {
    const { visible, inFlight, delayed, dead } = await queues[name].depth();
    const open = visible + inFlight + delayed + dead;
    if (name !== 'recovery' && open > 0)
      moving.push(`${name}: ${JSON.stringify({ visible, inFlight, delayed, dead })}`);
  }
  for (const [index, relay] of relays.entries()) {
    if (!relay.ready()) moving.push(`relay ${index} is not ready`);
  }
  return moving;
}

async function movesAtRest({ clock, journal }: World): Promise<string[]> {
  const before = journal.writes;
  await clock.advance(QUIET_MS);
  const written = journal.writes - before;
  return written === 0 ? [] : [`${written} writes within ${QUIET_MS / 1000} s of rest, the last: ${journal.lastWrite}`];
}
