import type { KubeObject } from '@tmc/kernel/object.ts';
import type { ObjectPage, PageOptions, WatchEvent, WatchSource } from '@tmc/kernel/ports.ts';
import type { Perspective } from './observe.ts';
import type { KnownElsewhere, Telling } from './telling.ts';
import { isAnswerTooLarge, ReadError, revisionOf } from './watch-state.ts';

/** Objects per page: one answer stays around 2 MB. */
const PAGE_LIMIT = 500;
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/**
 * One list being read, by pages or as the events of a stream. Tells what is new on the way; only when it is complete and fits what
 * was read before does it tell what is gone. One that is cut, or older than what is known, deletes nothing.
 */
export class ListPass {
  readonly #telling: Telling;
  /** Revision that unacknowledged items hold the checkpoint below. */
  readonly #holdAt: bigint;
  #contradiction: string | undefined;

  constructor(telling: Telling) {
    this.#telling = telling;
    this.#holdAt = telling.told.tracker.head + 1n;
    telling.inventory.beginRound('listed');
  }

  /** @throws ReadError stale when the list is older than what was read. */
  checkRevision(revision: bigint): void {
    const { newest, told } = this.#telling;
    const read = newest > told.tracker.head ? newest : told.tracker.head;
    if (revision < read) throw new ReadError('stale', `a list at revision ${revision} after ${read} was read`);
  }

  async item(object: KubeObject): Promise<void> {
    const { inventory, knownElsewhere, isRising } = this.#telling;
    const id = inventory.idOf(object);
    const { uid } = object.metadata;
    const rv = revisionOf(object, id);
    const known = inventory.known(id);
    if (known && (rv < known.rv || (rv === known.rv && uid !== known.uid))) {
      this.#contradiction ??= `${id} is listed at revision ${rv} after it was seen at ${known.rv}`;
    }
    const moved = known || isRising ? undefined : movedBackwards(id, { uid, rv }, knownElsewhere(id));
    this.#contradiction ??= moved;
    inventory.mark('listed', id);
    // One that moved is not told in this epoch: it stays unknown, so that the next list confirms it.
    if (moved !== undefined) return;
    this.#telling.saw(rv);
    // What the stream should have told is below what was read, and so below a checkpoint that may be saved already.
    await this.#telling.present(id, object, rv < this.#holdAt ? rv : this.#holdAt);
  }

  /** Takes an initial event; true once the list is complete. */
  async event({ type, object }: WatchEvent): Promise<boolean> {
    const revision = revisionOf(object, type);
    if (type === 'BOOKMARK') {
      if (!isInitialEventsEnd({ type, object })) return false;
      await this.complete(revision);
      return true;
    }
    if (type === 'DELETED') await this.#telling.deleted(this.#telling.inventory.idOf(object), object, this.#holdAt);
    else if (type === 'ADDED' || type === 'MODIFIED') await this.item(object);
    else throw new ReadError('malformed', `unknown event type "${String(type)}"`);
    return false;
  }

  /** All was read at this revision. @throws ReadError stale when it contradicts what is known. */
  async complete(revision: bigint): Promise<void> {
    this.checkRevision(revision);
    if (this.#contradiction !== undefined) throw new ReadError('stale', this.#contradiction);
    const { inventory, told } = this.#telling;
    for (const gone of inventory.absent()) {
      await this.#telling.gone(gone, this.#holdAt, String(revision));
      told.ended.throwIfAborted();
    }
    this.#telling.endList(revision);
  }
}

/** True for the bookmark that ends the initial events of a WatchList. */
export function isInitialEventsEnd({ type, object }: WatchEvent): boolean {
  return type === 'BOOKMARK' && object?.metadata?.annotations?.[INITIAL_EVENTS_END] === 'true';
}

/** Why an object has come from an endpoint with revisions of its own; undefined when it has not. */
export function movedBackwards(
  id: string,
  seen: { uid: string | undefined; rv: bigint },
  elsewhere: ReturnType<KnownElsewhere>,
): string | undefined {
  if (!elsewhere || elsewhere.uid !== seen.uid || seen.rv >= elsewhere.rv) return undefined;
  return `${id} is at revision ${seen.rv} here and was at ${elsewhere.rv} at another endpoint`;
}

/** What is listed, and where. */
export type ListScope = { readonly source: WatchSource; readonly view: Perspective; readonly labelSelector?: string };

/**
 * The pages of a list, one after the other, in smaller ones once a page is too large; a token that expired throws, and nothing of
 * such a list is complete.
 */
export async function* pagesOf(
  { source, view, labelSelector }: ListScope,
  options: Pick<PageOptions, 'signal' | 'metadataOnly'>,
): AsyncGenerator<{ items: readonly KubeObject[]; revision: bigint }> {
  const rest = { ...options, ...(labelSelector !== undefined && { labelSelector }) };
  let limit = PAGE_LIMIT;
  let next: Pick<PageOptions, 'continue'> = {};
  for (;;) {
    let page: ObjectPage;
    try {
      page = await source.page(view.resource, { ...rest, ...next, limit });
    } catch (error) {
      if (limit === 1 || !isAnswerTooLarge(error)) throw error;
      limit = Math.ceil(limit / 2);
      continue;
    }
    const revision = revisionOf({ metadata: { resourceVersion: page.resourceVersion } }, 'list');
    yield { items: page.items, revision };
    if (!page.continue) return;
    next = { continue: page.continue };
  }
}

/** Reads a list by pages to its end. @throws what a page throws; then nothing was told as gone. */
export async function listByPages(pass: ListPass, scope: ListScope, signal: AbortSignal): Promise<void> {
  let last = 0n;
  for await (const { items, revision } of pagesOf(scope, { signal })) {
    pass.checkRevision(revision);
    for (const item of items) {
      signal.throwIfAborted();
      await pass.item(item);
    }
    last = revision;
  }
  await pass.complete(last);
}
