import type { Sleep } from '@tmc/kernel/clock.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import type { WatchEvent } from '@tmc/kernel/ports.ts';
import { type ListScope, movedBackwards } from './initial-list.ts';
import type { Telling } from './telling.ts';
import { ReadError, revisionOf } from './watch-state.ts';

/** Deadline of a stream, jittered, so that a wedged one is bounded and not all end together. */
const STREAM_SECONDS = { min: 300, max: 600 };
/** How long after its deadline a stream may still end; a server does so within seconds. */
const GRACE_MS = 30_000;

export type StreamOptions = {
  readonly sleep: Sleep;
  readonly random: Random;
  /** Where to go on; absent: present objects first (WatchList). */
  readonly resourceVersion?: string;
  readonly opened: () => void;
  readonly signal: AbortSignal;
};

/** Events until the server ends the stream. @throws ReadError quiet when it does not at its deadline, and what the source throws. */
export async function* readStream(
  { source, view, labelSelector }: ListScope,
  { sleep, random, resourceVersion, opened, signal }: StreamOptions,
): AsyncGenerator<WatchEvent> {
  const { min, max } = STREAM_SECONDS;
  const timeoutSeconds = min + Math.floor(random() * (max - min + 1));
  const ended = new AbortController();
  const end = (): void => ended.abort();
  signal.addEventListener('abort', end, { once: true });
  let outlived = false;
  void sleep(timeoutSeconds * 1_000 + GRACE_MS, ended.signal).then(() => {
    outlived = !ended.signal.aborted;
    end();
  });
  try {
    yield* source.watch(view.resource, {
      timeoutSeconds,
      opened,
      signal: ended.signal,
      ...(resourceVersion === undefined ? { sendInitialEvents: true } : { resourceVersion }),
      ...(labelSelector !== undefined && { labelSelector }),
    });
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
  if (outlived)
    throw new ReadError('quiet', `the stream went on ${GRACE_MS / 1_000} s after its deadline of ${timeoutSeconds} s`);
}

/** Takes one event of a stream that goes on from a complete list. @throws ReadError when it contradicts what was read. */
export async function takeEvent(telling: Telling, { type, object }: WatchEvent): Promise<void> {
  const revision = revisionOf(object, type);
  if (type !== 'BOOKMARK') {
    const { inventory } = telling;
    const id = inventory.idOf(object);
    if (type === 'DELETED') await telling.deleted(id, object, revision);
    else if (type === 'ADDED' || type === 'MODIFIED') {
      if (!inventory.has(id)) checkNew(telling, { id, uid: object.metadata.uid, revision });
      await telling.present(id, object, revision);
    } else throw new ReadError('malformed', `unknown event type "${String(type)}"`);
  }
  telling.advance(revision);
}

function checkNew(
  { told, knownElsewhere }: Telling,
  { id, uid, revision }: { id: string; uid: string | undefined; revision: bigint },
): void {
  const { head } = told.tracker;
  if (revision <= head) throw new ReadError('disordered', `${id} came at revision ${revision} after ${head}`);
  const moved = movedBackwards(id, { uid, rv: revision }, knownElsewhere(id));
  if (moved !== undefined) throw new ReadError('stale', moved);
}
