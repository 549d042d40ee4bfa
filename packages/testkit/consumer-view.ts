import { createHash } from 'node:crypto';
import { isWhole, isWithin, type ListMark } from '@tmc/apis/list-marks.ts';
import { canonicalJson } from '@tmc/kernel/canonical.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { formatGroupResource, formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import { compareSourceVersions, type SourceVersion } from '@tmc/kernel/source-version.ts';

/**
 * What somebody knows who believes a relay's messages and reads nothing else: the measure of a relay. When it has sent everything,
 * this view holds what the server holds, in whatever order, and however often, the messages came.
 *
 * The rule: of each key only the newest version (epoch, resourceVersion) counts, and it says present or absent.
 * - `upsert` says present, `delete` says absent; of equal versions absent counts, because a relay that misses a known object in a
 *   list may name the last version it saw. So a deletion that comes after the upsert of the next incarnation is old and changes
 *   nothing; one that comes before it is overtaken. A uid orders nothing: it only tells incarnations apart.
 * - A list mark says absent, at its own version, of every key in its range that it does not hold, also of keys nobody has spoken
 *   of yet: an upsert that comes later but is not newer stays unbelieved.
 * - A higher epoch wins over every resourceVersion of a lower one.
 * - `unseen` changes nothing: the entry stays as it is and carries the flag until a newer version comes.
 *
 * It cannot know an object that came back into sight unchanged (a claim taken away and granted again), after a `delete` or mark said
 * it was absent: same uid, same version, the very message that a late duplicate would be. Consumers read the hub then. Of a source with
 * several endpoints, whose revisions have nothing to do with each other, a mark proves less here than it could.
 */

/** What the view believes of one present object. */
export type ViewEntry = {
  /** {@link formatKey} of the key. */
  readonly id: string;
  readonly key: ResourceKey;
  readonly epoch: number;
  readonly uid: string;
  readonly rv: string;
  /** Interest hash, as the message told it. */
  readonly hash?: string;
  /** SHA-256 of the body in canonical JSON, when the message had one. */
  readonly body?: string;
  /** The relay lost sight of it at this version. */
  readonly unseen: boolean;
};

/** What became of a message: believed, older than what is known, of no meaning here, or a mark that is not whole. */
export type Verdict = 'news' | 'old' | 'ignored' | 'broken';

/** Parts that a test may put a mutant in place of. */
export type ViewRules = {
  readonly compare: (a: SourceVersion, b: SourceVersion) => number;
  readonly isWhole: (mark: ListMark) => boolean;
};

type Belief = {
  readonly key: ResourceKey;
  readonly version: SourceVersion;
  readonly present?: Pick<ViewEntry, 'hash' | 'body'>;
};
type Sweep = { readonly mark: ListMark; readonly listed: ReadonlySet<string>; readonly version: SourceVersion };
/** Of one source; kinds by `resource.group`. */
type Kind = {
  readonly beliefs: Map<string, Belief>;
  readonly sweeps: Sweep[];
  readonly unseen: Map<string, SourceVersion>;
};

export class ConsumerView {
  readonly #kinds = new Map<string, Kind>();
  readonly #rules: ViewRules;

  constructor(rules: Partial<ViewRules> = {}) {
    this.#rules = { compare: compareSourceVersions, isWhole, ...rules };
  }

  /** Believes a message of a relay, or not. Messages of functions, heartbeats and ticks are ignored. */
  apply(envelope: Envelope): Verdict {
    const { source, key, change, list } = envelope;
    if (source.kind === 'function') return 'ignored';
    const kind = this.#kindOf(`${source.kind} ${source.id} ${formatGroupResource(key)}`);
    const version = versionOf(envelope);
    if (list) return this.#sweep(kind, list, version);
    if (change === 'unseen') return this.#loseSight(kind, formatKey(key), version);
    if (change !== 'upsert' && change !== 'delete') return 'ignored';
    return this.#believe(kind, envelope, version);
  }

  /** All that is believed present, by key; of one source and kind when a name (`hub`, `deployments.apps`) is given. */
  entries({ source, resource }: { source?: string; resource?: string } = {}): ViewEntry[] {
    const found: ViewEntry[] = [];
    for (const [name, { beliefs, unseen }] of this.#kinds) {
      const [, id, kind] = name.split(' ');
      if ((source !== undefined && source !== id) || (resource !== undefined && resource !== kind)) continue;
      for (const [key, belief] of beliefs) {
        if (belief.present) found.push(entryOf(key, belief, unseen.has(key)));
      }
    }
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #kindOf(name: string): Kind {
    let kind = this.#kinds.get(name);
    if (!kind) {
      kind = { beliefs: new Map(), sweeps: [], unseen: new Map() };
      this.#kinds.set(name, kind);
    }
    return kind;
  }

  #believe(kind: Kind, { key, change, hash, body }: Envelope, version: SourceVersion): Verdict {
    const id = formatKey(key);
    const known = kind.beliefs.get(id);
    if (known && !this.#replaces({ known, version, change })) return 'old';
    if (change === 'upsert' && kind.sweeps.some((sweep) => isSweptBy(sweep, id, version, this.#rules))) return 'old';
    const told = { ...(hash !== undefined && { hash }), ...(body && { body: digestOfBody(body) }) };
    kind.beliefs.set(id, { key, version, ...(change === 'upsert' && { present: told }) });
    const lost = kind.unseen.get(id);
    if (lost && this.#rules.compare(version, lost) > 0) kind.unseen.delete(id);
    return 'news';
  }

  #replaces({ known, version, change }: { known: Belief; version: SourceVersion; change: string }): boolean {
    const order = this.#rules.compare(version, known.version);
    return order > 0 || (order === 0 && change === 'delete' && known.present !== undefined);
  }

  #sweep(kind: Kind, mark: ListMark, version: SourceVersion): Verdict {
    if (!this.#rules.isWhole(mark)) return 'broken';
    const swept: Sweep = { mark, listed: new Set(mark.keys), version };
    // An older mark within the range of a newer one says nothing more: what it alone lists was created or deleted since.
    const kept = kind.sweeps.filter((sweep) => !this.#isOutdone(sweep, swept));
    kind.sweeps.splice(0, kind.sweeps.length, ...kept, swept);
    const gone = [...kind.beliefs].filter(
      ([id, { present, version: at }]) => present && isSweptBy(swept, id, at, this.#rules),
    );
    for (const [id, { key }] of gone) kind.beliefs.set(id, { key, version });
    return gone.length > 0 ? 'news' : 'old';
  }

  #isOutdone({ mark, version }: Sweep, by: Sweep): boolean {
    const { begin, end } = by.mark;
    const isInside = mark.begin >= begin && (end === undefined || (mark.end !== undefined && mark.end <= end));
    return isInside && this.#rules.compare(version, by.version) <= 0;
  }

  #loseSight(kind: Kind, id: string, version: SourceVersion): Verdict {
    const known = kind.beliefs.get(id);
    if (known && this.#rules.compare(version, known.version) < 0) return 'old';
    const before = kind.unseen.get(id);
    if (before && this.#rules.compare(version, before) <= 0) return 'old';
    kind.unseen.set(id, version);
    return 'news';
  }
}

/** What a server or a view holds of one object, to be compared. */
export type HeldState = Pick<ViewEntry, 'id' | 'uid' | 'rv' | 'hash'>;

/**
 * SHA-256 over (key, uid, resourceVersion), whatever the order. By `hash` instead, states that differ in nothing a consumer reads
 * are equal: a relay tells no change of status or managedFields, so after such changes the server is at a higher resourceVersion.
 */
export function digestOfStates(states: Iterable<HeldState>, by: 'rv' | 'hash' = 'rv'): string {
  const lines = [...states].map((state) => `${state.id} ${state.uid} ${markOf(state, by)}\n`).sort();
  const sum = createHash('sha256');
  for (const line of lines) sum.update(line);
  return sum.digest('hex');
}

/** In words, where a view differs from the server: what a failing test prints. Empty when their digests are equal. */
export function differencesOf(
  view: Iterable<HeldState>,
  server: Iterable<HeldState>,
  by: 'rv' | 'hash' = 'rv',
): string[] {
  const seen = new Map([...view].map((state) => [state.id, state]));
  const found: string[] = [];
  for (const there of server) {
    const known = seen.get(there.id);
    seen.delete(there.id);
    if (!known) found.push(`missing ${there.id} (uid ${there.uid}, rv ${there.rv})`);
    else if (known.uid !== there.uid || markOf(known, by) !== markOf(there, by)) {
      found.push(`${there.id} is uid ${there.uid} rv ${there.rv}, believed uid ${known.uid} rv ${known.rv}`);
    }
  }
  for (const { id, uid, rv } of seen.values()) found.push(`${id} is gone, believed uid ${uid} rv ${rv}`);
  return found.sort();
}

/** Without a hash, as of Secrets, only the revision tells states apart. */
function markOf({ rv, hash }: HeldState, by: 'rv' | 'hash'): string {
  return by === 'hash' ? (hash ?? rv) : rv;
}

function entryOf(id: string, { key, version, present = {} }: Belief, unseen: boolean): ViewEntry {
  return { id, key, ...version, ...present, unseen };
}

function versionOf({ source, uid, rv }: Envelope): SourceVersion {
  return { epoch: source.epoch, uid, rv };
}

function digestOfBody(body: NonNullable<Envelope['body']>): string {
  return createHash('sha256').update(canonicalJson(body)).digest('hex');
}

/** A mark proves the absence of what was not newer than it when it was made. */
function isSweptBy(
  { mark, listed, version: at }: Sweep,
  id: string,
  version: SourceVersion,
  { compare }: ViewRules,
): boolean {
  return !listed.has(id) && isWithin(mark, id) && compare(version, at) <= 0;
}
