import { setTimeout as pause } from 'node:timers/promises';
import { lookUntil, type ReaderProgram, type Source } from './relay-parts.ts';

export type Idle = {
  readonly watches: number;
  readonly seconds: number;
  readonly cpuMs: number;
  readonly share: number;
  readonly rss: number;
};

const BOOKMARK_MS = 60_000;
/** Starting has settled, compiled code included. */
const SETTLE_MS = 3_000;

/** Processor time of a relay with 50 watches on which nothing happens but a bookmark each minute. */
export async function measureIdle(
  { source, program }: { source: Source; program: ReaderProgram },
  seconds: number,
): Promise<Idle> {
  await source.ask({ do: 'serve', kind: 'configmaps', objects: 0, lines: 0 }, 'streamed');
  source.tell({ do: 'bookmarks', everyMs: BOOKMARK_MS });
  const reader = program.start();
  try {
    const { url, caPem } = source;
    reader.tell({ do: 'read', reader: 'relay', url, caPem, kind: 'fifty', queueHolds: 1_000 });
    await lookUntil(reader, '50 kinds are watched', ({ ready }) => ready);
    await pause(SETTLE_MS);
    const before = await reader.ask({ do: 'look' }, 'looked');
    await pause(seconds * 1_000);
    const after = await reader.ask({ do: 'look' }, 'looked');
    const cpuMs = after.cpuMs - before.cpuMs;
    return { watches: 50, seconds, cpuMs, share: cpuMs / (seconds * 1_000), rss: after.rss };
  } finally {
    await reader.end();
  }
}
