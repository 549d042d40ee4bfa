import * as z from 'zod';
import type { Identity } from './kind.ts';

const digests = z.record(z.string(), z.string());

const entry = z.object({
  type: z.string(),
  /** Its name in the program. */
  name: z.string(),
  identity: z.record(z.string(), z.string()),
  /** False from before the first call that makes or changes it until after the last: what is there then is not known. */
  isSettled: z.boolean(),
  /** It was there before, made by somebody else: it stays when the deployment is removed. */
  isAdopted: z.boolean().optional(),
  /** Digests of what the program asked for, and of what the endpoint then showed, by field. */
  wanted: digests,
  seen: digests,
});

const schema = z.object({ version: z.literal(1), app: z.string(), stage: z.string(), resources: z.array(entry) });

/** What is known of one resource that a deployment made. */
export type Entry = z.infer<typeof entry>;

/** Where the record is kept: on the endpoint itself, so that whoever deploys next finds it. */
export type RecordStore = {
  /** undefined: there is no such deployment. */
  load(): Promise<string | undefined>;
  /** @throws Error when another deployment wrote or removed it in between. */
  save(text: string): Promise<void>;
  /** Removes the record and the place it was kept in. @throws Error when another deployment wrote in between. */
  discard(): Promise<void>;
};

/** Whose record it is, and a name for this run, so that what two runs write always differs. */
type Of = { readonly app: string; readonly stage: string; readonly run: string };

/** What a deployment has made, in the order in which it was made. Changes that come while a write is under way share the next one. */
export class DeploymentRecord {
  readonly #store: RecordStore;
  readonly #of: Of;
  readonly #entries: Map<string, Entry>;
  /** Whether there was one when it was loaded. */
  readonly existed: boolean;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #writes = 0;

  private constructor(store: RecordStore, of: Of, entries: readonly Entry[] | undefined) {
    this.#store = store;
    this.#of = of;
    this.#entries = new Map((entries ?? []).map((one) => [keyOf(one.type, one.identity), one]));
    this.existed = entries !== undefined;
  }

  /** @throws Error when what is kept cannot be understood. */
  static async load(store: RecordStore, { app, stage, run }: Of): Promise<DeploymentRecord> {
    const text = await store.load();
    return new DeploymentRecord(store, { app, stage, run }, text === undefined ? undefined : parse(text, app, stage));
  }

  /** Oldest first. */
  get entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  find(type: string, identity: Identity): Entry | undefined {
    return this.#entries.get(keyOf(type, identity));
  }

  /** Resolves when the endpoint has it. */
  put(one: Entry): Promise<void> {
    this.#entries.set(keyOf(one.type, one.identity), one);
    return this.#save();
  }

  /** Resolves when the endpoint has it. */
  drop({ type, identity }: Pick<Entry, 'type' | 'identity'>): Promise<void> {
    this.#entries.delete(keyOf(type, identity));
    return this.#save();
  }

  /** Makes it this run's: from now on no other run that is under way can write. Resolves when the endpoint has it. */
  claim(): Promise<void> {
    return this.#save();
  }

  /** Waits for the writes that nobody waited for. */
  async flush(): Promise<void> {
    await (this.#next ?? this.#writing);
  }

  async discard(): Promise<void> {
    await this.flush();
    await this.#store.discard();
  }

  #save(): Promise<void> {
    this.#next ??= this.#saveAfter(this.#writing);
    return this.#next;
  }

  async #saveAfter(earlier: Promise<void>): Promise<void> {
    await earlier.catch(() => undefined);
    this.#next = undefined;
    // The count too keeps each text apart from the one before, which other runs may hold for the newest.
    const content = { version: 1, ...this.#of, write: ++this.#writes, resources: this.entries };
    this.#writing = this.#store.save(JSON.stringify(content, null, 1));
    await this.#writing;
  }
}

function parse(text: string, app: string, stage: string): readonly Entry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(
      `the record of ${app}, stage ${stage}, is not JSON: nothing was changed; restart the emulator to begin anew`,
      { cause },
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data.resources;
  throw new Error(
    `the record of ${app}, stage ${stage}, was written by another version: remove the deployment with that one`,
  );
}

function keyOf(type: string, identity: Identity): string {
  return `${type} ${JSON.stringify(Object.entries(identity).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
}
