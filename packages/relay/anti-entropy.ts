import type { Sleep } from '@tmc/kernel/clock.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { type ListScope, pagesOf } from './initial-list.ts';
import { StateDigest } from './state-digest.ts';
import type { Telling } from './telling.ts';
import { ReadError } from './watch-state.ts';

/** How long the stream may be behind a list before that counts as a difference. */
const GRACE_MS = 30_000;
const GRACE_STEP_MS = 1_000;
/** Differences that are looked at again one by one; the kind is listed again as a whole in any case. */
const MAX_SUSPECTS = 1_000;

export type ComparisonOptions = {
  readonly telling: Telling;
  readonly scope: ListScope;
  /** False once the reader does not stream in this epoch any more: what it knows is about to be listed anyway. */
  readonly isCurrent: () => boolean;
  readonly sleep: Sleep;
  readonly signal: AbortSignal;
};

/** An object that differs: as the list had it (undefined: not at all) and as it was known then. */
type Suspect = { readonly listed: State | undefined; readonly known: State | undefined };
type State = { readonly uid: string; readonly rv: bigint };

/**
 * Compares what is known with a list of metadata and gives the number of differences the stream should have told and did not:
 * 0 is what it must be. The list is read once; when count and digest of all (uid, revision) agree, that was all. Else the stream
 * gets time to pass the list, and what still differs is looked at in a second list. Undefined: could not be told this time.
 */
export async function compareWithServer(options: ComparisonOptions): Promise<number | undefined> {
  const first = await readStates(options);
  const { inventory } = options.telling;
  if (first.digest.count === inventory.size && first.digest.value === inventory.digest.value) return 0;
  collectAbsent(options.telling, first);
  if (!(await streamPasses(first.revision, options))) return undefined;
  for (const [id, suspect] of first.suspects)
    if (!stillDiffers(suspect, inventory.known(id))) first.suspects.delete(id);
  if (first.suspects.size === 0) return 0;
  return confirm(first.suspects, options);
}

type States = { readonly digest: StateDigest; readonly suspects: Map<string, Suspect>; revision: bigint };

/**
 * Reads all states, without keeping them, and which are newer than what is known. @throws ReadError stale when what was read before
 * this list was asked for is newer than it: the revisions have started over, and the stream waits for one long past.
 */
async function readStates({ telling, scope, signal }: ComparisonOptions): Promise<States> {
  const states: States = { digest: new StateDigest(), suspects: new Map(), revision: 0n };
  const { inventory } = telling;
  const { head } = telling.told.tracker;
  inventory.beginRound('compared');
  for await (const { items, revision } of pagesOf(scope, { signal, metadataOnly: true })) {
    if (revision < head) throw new ReadError('stale', `a comparison at revision ${revision} after ${head} was read`);
    for (const item of items) {
      const id = inventory.idOf(item);
      const listed = stateOf(item);
      states.digest.add(listed.uid, listed.rv);
      inventory.mark('compared', id);
      const known = inventory.known(id);
      if (known && known.rv <= head && isOlder(listed, known))
        throw new ReadError('stale', `${id} is at ${listed.rv} again`);
      if (!known || known.rv < listed.rv) suspect(states, id, { listed, known });
    }
    states.revision = revision;
  }
  return states;
}

/** True when a listed state cannot come after one that was known before the list. */
function isOlder(listed: State, known: State): boolean {
  return listed.rv < known.rv || (listed.rv === known.rv && listed.uid !== known.uid);
}

/** Adds what is known as no newer than the list, which does not hold it. */
function collectAbsent({ inventory }: Telling, states: States): void {
  for (const [id, { uid, rv }] of inventory.uncompared()) {
    if (rv <= states.revision) suspect(states, id, { listed: undefined, known: { uid, rv } });
  }
}

function suspect({ suspects }: States, id: string, found: Suspect): void {
  if (suspects.size < MAX_SUSPECTS) suspects.set(id, found);
}

/** Waits until the stream has passed a revision, or for the grace; false when it stood still for want of room or ended. */
async function streamPasses(revision: bigint, options: ComparisonOptions): Promise<boolean> {
  const { telling, isCurrent, sleep, signal } = options;
  const { waits } = telling;
  for (let waitedMs = 0; waitedMs < GRACE_MS && !signal.aborted; waitedMs += GRACE_STEP_MS) {
    if (!isCurrent()) return false;
    if (BigInt(telling.rv) >= revision) return true;
    await sleep(GRACE_STEP_MS, signal);
  }
  return isCurrent() && !telling.isWaiting && telling.waits === waits && !signal.aborted;
}

/** Whether what is known now is still not what the list told. */
function stillDiffers({ listed, known: before }: Suspect, now: State | undefined): boolean {
  if (listed) return !now || now.rv < listed.rv;
  return now !== undefined && now.uid === before?.uid && now.rv === before.rv;
}

/** Of the suspects those that a second list shows as it did the first time: it was no write in between. */
async function confirm(suspects: Map<string, Suspect>, options: ComparisonOptions): Promise<number | undefined> {
  const { telling, scope, isCurrent, signal } = options;
  const { inventory } = telling;
  let lost = 0;
  const absent = new Set([...suspects].filter(([, { listed }]) => !listed).map(([id]) => id));
  for await (const { items } of pagesOf(scope, { signal, metadataOnly: true })) {
    for (const item of items) {
      const id = inventory.idOf(item);
      absent.delete(id);
      const first = suspects.get(id);
      const isSame = first?.listed?.uid === stateOf(item).uid;
      if (first && isSame && stillDiffers(first, inventory.known(id))) lost += 1;
    }
  }
  for (const id of absent) if (stillDiffers(suspects.get(id) as Suspect, inventory.known(id))) lost += 1;
  return isCurrent() ? lost : undefined;
}

function stateOf({ metadata }: KubeObject): State {
  return { uid: metadata.uid ?? '', rv: BigInt(metadata.resourceVersion ?? '0') };
}
