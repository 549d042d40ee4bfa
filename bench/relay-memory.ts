import { lookUntil, type Reader, type ReaderProgram, type Source } from './relay-parts.ts';
import type { Look } from './relay-reader.ts';

/** Resident memory, bytes. */
export type Memory = {
  readonly keys: number;
  readonly listed: number;
  readonly relisted: number;
  readonly steady: number;
  readonly peak: number;
  readonly heapSteady: number;
};

/** Messages held by the queues in memory: they are part of the process that is measured. */
const QUEUE_HOLDS = 500;
const MIB = 1024 * 1024;

/** Memory of a relay whose source holds so many small objects: after the list, after a 410 and a second list, and after events. */
export async function measureMemory(
  parts: { source: Source; program: ReaderProgram; nodeFlags?: readonly string[] },
  keys: number,
): Promise<Memory> {
  const { source, program, nodeFlags } = parts;
  await source.ask({ do: 'serve', kind: 'configmaps', objects: keys, lines: 6_400 }, 'streamed');
  const reader = program.start(nodeFlags);
  try {
    const watched = source.next('watched');
    const { url, caPem } = source;
    reader.tell({ do: 'read', reader: 'relay', url, caPem, kind: 'configmaps', queueHolds: QUEUE_HOLDS });
    await watched;
    const listed = await settled(reader, keys);
    const again = source.next('watched');
    source.tell({ do: 'expire' });
    await again;
    const relisted = await settled(reader, keys);
    const steady = await events(source, reader);
    return {
      keys,
      listed: listed.rss,
      relisted: relisted.rss,
      steady: steady.rss,
      peak: steady.peakRss,
      heapSteady: steady.heapUsed,
    };
  } finally {
    await reader.end();
  }
}

function settled(reader: Reader, keys: number): Promise<Look> {
  return lookUntil(reader, `${keys} keys listed and sent`, (look) => look.ready && look.settled && look.listed >= keys);
}

async function events(source: Source, reader: Reader): Promise<Look> {
  const counted = reader.next('counted');
  await reader.ask({ do: 'count', events: 6_400 }, 'counting');
  source.tell({ do: 'stream', events: 6_400 });
  await counted;
  return reader.ask({ do: 'look' }, 'looked');
}

/** The most memory allowed: 64 MiB and 200 bytes per key. */
export const allowedBytes = (keys: number): number => 64 * MIB + 200 * keys;
