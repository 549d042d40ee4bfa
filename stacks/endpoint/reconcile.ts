import { decide, digests } from './decide.ts';
import { isUnsupported } from './failure.ts';
import type { Identity, Kind, Live, Planned } from './kind.ts';
import { about, attempt, refusal, told, unknownType } from './messages.ts';
import type { DeploymentRecord, Entry } from './record.ts';

/** One line of the plan. `note`: why nothing was done about a resource, or that it was made anew. */
export type Change = {
  readonly action: 'create' | 'update' | 'delete' | 'none';
  readonly type: string;
  readonly name: string;
  readonly fields: readonly string[];
  readonly note?: string;
};

/** A resource as Pulumi registers it. */
export type ResourceArgs = { readonly type: string; readonly name: string; readonly inputs: Record<string, unknown> };
type ResourceState = { readonly id: string; readonly state: Record<string, unknown> };

type Options = {
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly record: DeploymentRecord;
  /** Only says what would be done. */
  readonly isDry: boolean;
  /** Called when a change begins to be made, or would be. */
  readonly onChange: (change: Change) => void;
};

type Task = { readonly kind: Kind; readonly name: string; readonly planned: Planned };

/** The SDK's clients hold as many connections; emulators with one process gain nothing from more. */
const AT_ONCE = 8;

/**
 * Makes an endpoint look like the program, one resource at a time as the program registers them. Before each first change to a
 * resource the record says that it is under way, so that a run that is cut anywhere can be continued or removed.
 */
export class Reconciler {
  readonly #options: Options;
  readonly #visited = new Set<Entry>();
  readonly #changes: Change[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  #running = 0;
  #failure: Error | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** The first fault: those that follow from it say less. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** Creates, updates or leaves one resource. @throws Error naming it, what was attempted and why it failed. */
  async resource(args: ResourceArgs): Promise<ResourceState> {
    const work = this.#resource(args);
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  async #resource({ type, name, inputs }: ResourceArgs): Promise<ResourceState> {
    await this.#enter();
    try {
      if (this.#failure) throw this.#failure;
      const kind = this.#kindOf(type, name);
      const planned = await about(`plan the ${kind.noun} "${name}"`, () => kind.plan(inputs, name));
      const outputs = await this.#settle({ kind, name, planned });
      return { id: String(outputs['id'] ?? name), state: outputs };
    } catch (error) {
      this.#failure ??= error as Error;
      throw error;
    } finally {
      this.#leave();
    }
  }

  /** Removes what earlier runs made and the program no longer has. */
  async finish(): Promise<void> {
    const { record } = this.#options;
    await this.#removeAll(record.entries.filter((entry) => !this.#visited.has(entry)));
    await record.flush();
    if (this.#failure) throw this.#failure;
  }

  /** Waits for what is under way after a fault, and for the record to tell of it. */
  async comeToRest(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#options.record.flush().catch(() => undefined);
  }

  /** Removes everything that was made, the youngest first, and then the record. */
  async removeEverything(): Promise<void> {
    const { record, isDry } = this.#options;
    await this.#removeAll(record.entries);
    if (!isDry) await record.discard();
  }

  async #settle(task: Task): Promise<Record<string, unknown>> {
    const { kind, name, planned } = task;
    const { record, isDry } = this.#options;
    const entry = record.find(kind.type, planned.identity);
    if (entry) this.#visited.add(entry);
    let live: Live | undefined;
    try {
      live = await attempt('look for', kind, name, planned.identity, () => kind.read(planned.identity));
    } catch (error) {
      return this.#skip(task, error, entry);
    }
    const decision = decide(kind, planned.fields, entry, live);
    if (decision.do === 'refuse') throw new Error(refusal(kind, name, planned.identity, decision));
    const fields = 'fields' in decision ? decision.fields : [];
    if (decision.do === 'none') this.#note({ action: 'none', type: kind.type, name, fields });
    if (decision.do === 'none' || isDry) {
      if (decision.do !== 'none') this.#note(changeOf(task, decision.do, fields));
      return planned.outputs(live, decision.do !== 'none');
    }
    try {
      return await this.#perform(task, decision.do, fields, live !== undefined);
    } catch (error) {
      return this.#skip(task, error, record.find(kind.type, planned.identity));
    }
  }

  async #perform(
    task: Task,
    action: 'create' | 'update' | 'replace',
    fields: readonly string[],
    wasThere: boolean,
  ): Promise<Record<string, unknown>> {
    const { kind, name, planned } = task;
    const { identity } = planned;
    const before = this.#options.record.find(kind.type, identity);
    const isAdopted = wasThere && kind.adopts === 'whole' && (!before || before.isAdopted === true);
    const entry = { type: kind.type, name, identity, ...(kind.adopts === 'whole' && { isAdopted }) };
    const wanted = digests(planned.fields);
    const underWay = action === 'create' ? wanted : { ...wanted, ...before?.wanted };
    await this.#write({ ...entry, isSettled: false, wanted: underWay, seen: {} });
    if (action === 'replace') await attempt('remove', kind, name, identity, () => kind.remove(identity));
    if (action === 'update') await attempt('update', kind, name, identity, () => planned.update(fields));
    else await attempt('create', kind, name, identity, () => planned.create());
    const live = await attempt('read', kind, name, identity, () => kind.read(identity));
    if (!live)
      throw new Error(`the ${kind.noun} "${name}" (${told(identity)}) was made, but the endpoint does not show it`);
    this.#note(changeOf(task, action, fields));
    const seen = digests(planned.fields, live.fields);
    // Nobody waits for this one: a run that is cut before it arrives sets the resource once more.
    this.#write({ ...entry, isSettled: true, wanted, seen }).catch((error: Error) => {
      this.#failure ??= error;
    });
    return planned.outputs(live, false);
  }

  #write(entry: Entry): Promise<void> {
    this.#visited.add(entry);
    return this.#options.record.put(entry);
  }

  /** What an endpoint does not offer is left out where the system works without it. */
  async #skip(
    { kind, name, planned }: Task,
    error: unknown,
    entry: Entry | undefined,
  ): Promise<Record<string, unknown>> {
    if (kind.optional === undefined || !isUnsupported((error as Error).cause)) throw error;
    if (entry && !this.#options.isDry) await this.#options.record.drop(entry);
    const note = `not offered by this endpoint: ${kind.optional}`;
    this.#note({ action: 'none', type: kind.type, name, fields: [], note });
    return planned.outputs(undefined, false);
  }

  async #removeAll(entries: readonly Entry[]): Promise<void> {
    const again: Entry[] = [];
    // A deployment that runs at the same time ends at its next write, instead of making what nobody has on record.
    if (entries.length > 0 && !this.#options.isDry) await this.#options.record.claim();
    for (const entry of entries.toReversed()) {
      const { type, name } = entry;
      if (entry.isAdopted) {
        if (!this.#options.isDry) await this.#options.record.drop(entry);
        this.#note({
          action: 'none',
          type,
          name,
          fields: [],
          note: 'it was there before this deployment, so it stays',
        });
        continue;
      }
      if (this.#isRemovedTwice(entry)) again.push(entry);
      if (!this.#options.isDry) await this.#remove(entry);
      this.#note({ action: 'delete', type, name, fields: [] });
    }
    if (this.#options.isDry) return;
    for (const entry of again) await this.#remove(entry, true);
  }

  /** What may come back stays on record until it was removed for the last time. */
  async #remove(entry: Entry, isLast = false): Promise<void> {
    const { type, name, identity } = entry;
    const kind = this.#kindOf(type, name);
    await attempt('remove', kind, name, identity, () => removeOffered(kind, identity));
    if (isLast || !this.#isRemovedTwice(entry)) await this.#options.record.drop(entry);
  }

  /** What may come back, and what another run may have been making when this one began. */
  #isRemovedTwice({ type, name, isSettled }: Entry): boolean {
    return !isSettled || this.#kindOf(type, name).comesBack === true;
  }

  #kindOf(type: string, name: string): Kind {
    const kind = this.#options.kinds.get(type);
    if (!kind) throw new Error(unknownType(type, name));
    return kind;
  }

  #note(change: Change): void {
    this.#changes.push(change);
    this.#options.onChange(change);
  }

  async #enter(): Promise<void> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
  }

  /** The place goes to who waits longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }
}

/** A run that was cut may have recorded what the endpoint does not offer at all. */
async function removeOffered(kind: Kind, identity: Identity): Promise<void> {
  try {
    await kind.remove(identity);
  } catch (error) {
    if (kind.optional === undefined || !isUnsupported(error)) throw error;
  }
}

function changeOf({ kind, name }: Task, action: 'create' | 'update' | 'replace', fields: readonly string[]): Change {
  const said = { action: action === 'create' ? 'create' : 'update', type: kind.type, name, fields } as const;
  return action === 'replace' ? { ...said, note: 'made anew' } : said;
}
