import { loadavg } from 'node:os';
import type { ObjectKind } from './relay-objects.ts';
import { lookUntil, type Reader, type ReaderProgram, type Source } from './relay-parts.ts';
import type { Count, ReaderName } from './relay-reader.ts';

/** Who reads into what. */
export type Contestant = {
  readonly name: string;
  readonly reader: ReaderName;
  readonly sqs?: string;
  readonly share?: number;
};
export type Throughput = {
  readonly kind: ObjectKind;
  readonly name: string;
  /** Medians of the rounds. */
  readonly perCpuSecond: number;
  readonly perWallSecond: number;
  readonly coalesced: number;
  readonly events: number;
  /** Events that never came, of all rounds. */
  readonly missing: number;
  readonly rounds: number;
  readonly load: number;
};

export type ThroughputOptions = {
  readonly source: Source;
  readonly program: ReaderProgram;
  readonly contestants: readonly Contestant[];
  readonly kind: ObjectKind;
  /** Events of one round. */
  readonly events: number;
  readonly rounds: number;
  readonly nodeFlags?: readonly string[];
};

/** Different objects the events are about: more than an outbox holds, so that few events replace others. */
const OBJECTS = 6_400;
/** Messages held by the queues in memory. */
const QUEUE_HOLDS = 20_000;

/**
 * Rounds in which each contestant reads the same number of events, in alternating order, the first not counted (caches, compiled
 * code). One process per contestant for all rounds.
 */
export async function measureThroughput(options: ThroughputOptions): Promise<Throughput[]> {
  const { source, program, contestants, kind, rounds, nodeFlags } = options;
  await source.ask({ do: 'serve', kind, objects: 0, lines: OBJECTS }, 'streamed');
  const running = contestants.map((contestant) => ({
    contestant,
    child: program.start(nodeFlags),
    counts: [] as Count[],
  }));
  try {
    for (let round = 0; round <= rounds; round += 1) {
      const order = round % 2 === 0 ? running : [...running].reverse();
      for (const { contestant, child, counts } of order) {
        const count = await measureOnce(options, contestant, child);
        if (round > 0) counts.push(count);
      }
    }
  } finally {
    await Promise.all(running.map(({ child }) => child.end()));
  }
  return running.map(({ contestant, counts }) => ({
    kind,
    name: contestant.name,
    perCpuSecond: median(counts.map(({ events, cpuMs }) => (events / cpuMs) * 1000)),
    perWallSecond: median(counts.map(({ events, wallMs }) => (events / wallMs) * 1000)),
    coalesced: median(counts.map(({ events, coalesced }) => coalesced / events)),
    events: counts[0]?.events ?? 0,
    missing: counts.reduce((sum, { missing }) => sum + missing, 0),
    rounds,
    load: loadavg()[0] ?? 0,
  }));
}

async function measureOnce(
  { source, kind, events }: ThroughputOptions,
  { reader, sqs, share = 1 }: Contestant,
  child: Reader,
): Promise<Count> {
  const { caPem } = source;
  // Its fetch stalls now and then in the middle of a fast HTTP/2 stream, and then nothing is measured.
  const url = reader === 'relay' ? source.url : source.http1Url;
  const wanted = Math.ceil((events * share) / 64) * 64;
  const watched = source.next('watched');
  child.tell({ do: 'read', reader, url, caPem, kind, queueHolds: QUEUE_HOLDS, ...(sqs !== undefined && { sqs }) });
  await watched;
  await lookUntil(child, `${reader} is ready`, ({ ready }) => ready);
  const counted = child.next('counted');
  await child.ask({ do: 'count', events: wanted }, 'counting');
  source.tell({ do: 'stream', events: wanted });
  const count = await counted;
  await child.ask({ do: 'stop' }, 'stopped');
  return count;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
