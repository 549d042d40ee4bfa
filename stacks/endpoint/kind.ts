import { createHash } from 'node:crypto';
import * as z from 'zod';

/** Values that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What finds a resource again without having seen its inputs: known before it is made, so that it can be recorded before. */
export type Identity = Readonly<Record<string, string>>;

/** What is compared between program and endpoint, by the names that plans show. */
export type Fields = Readonly<Record<string, Json>>;

/** A resource as the endpoint has it; `outputs`: what only the endpoint knows (addresses, versions). */
export type Live = { readonly fields: Fields; readonly outputs?: Readonly<Record<string, string>> };

/** Where resources are made. */
export type Where = {
  readonly app: string;
  readonly stage: string;
  readonly account: string;
  readonly region: string;
  readonly endpoint: string;
  /** Holds the record of the deployment and the code of its functions; made and removed with it. */
  readonly bucket: string;
};

/** One resource of the program, bound to its inputs. */
export type Planned = {
  readonly identity: Identity;
  readonly fields: Fields;
  create(): Promise<void>;
  /** Sets the fields that are named, and may set others to what the program says. */
  update(changed: readonly string[]): Promise<void>;
  /** What the program reads of it; foretold where there is no live one, or where an update is still to come. */
  outputs(live: Live | undefined, isChanging: boolean): Record<string, unknown>;
};

/** How resources of one Pulumi type are made on an endpoint. */
export type Kind = {
  readonly type: string;
  /** For messages: "queue". */
  readonly noun: string;
  /** What is missing where an endpoint does not offer it; absent: the system does not work without. */
  readonly optional?: string;
  /**
   * Finding it there is no surprise, and `create` sets it. `setting`: it belongs to another resource, and is taken back at removal.
   * `whole`: others may have made it, or the endpoint by itself; what was there before the deployment stays when that is removed.
   */
  readonly adopts?: 'setting' | 'whole';
  /** An invocation that was under way may bring it or its traces back: it is removed once more when everything else is gone. */
  readonly comesBack?: true;
  /** Fields that only a new resource can change. */
  readonly fixed?: readonly string[];
  /** It holds data, so that it is not made again to change what is fixed. */
  readonly holdsData?: true;
  /** @throws Error naming the inputs that are not understood. */
  plan(inputs: Record<string, unknown>, name: string): Promise<Planned>;
  /** undefined: it is not there. */
  read(identity: Identity): Promise<Live | undefined>;
  /** Also after it is gone. */
  remove(identity: Identity): Promise<void>;
};

/** What a file under `kinds/` says; `I`: the inputs as the schema reads them. */
type KindOf<I> = Omit<Kind, 'plan'> & {
  readonly inputs: z.ZodType<I>;
  identify(inputs: I, name: string): Identity;
  fields(inputs: I): Fields | Promise<Fields>;
  create(identity: Identity, inputs: I): Promise<void>;
  update(identity: Identity, inputs: I, changed: readonly string[]): Promise<void>;
  outputs(identity: Identity, inputs: I, live: Live | undefined, isChanging: boolean): Record<string, unknown>;
};

/** Binds the typed parts of a kind, so that the reconciler need not know its inputs. */
export function kind<I>(spec: KindOf<I>): Kind {
  const { type, noun, inputs: schema } = spec;
  return {
    type,
    noun,
    ...(spec.optional !== undefined && { optional: spec.optional }),
    ...(spec.adopts && { adopts: spec.adopts }),
    ...(spec.comesBack && { comesBack: true as const }),
    ...(spec.fixed && { fixed: spec.fixed }),
    ...(spec.holdsData && { holdsData: true as const }),
    read: spec.read,
    remove: spec.remove,
    async plan(raw, name) {
      const parsed = schema.safeParse(present(raw));
      if (!parsed.success) throw new Error(misunderstood(parsed.error));
      const inputs = parsed.data;
      const identity = spec.identify(inputs, name);
      return {
        identity,
        fields: await spec.fields(inputs),
        create: () => spec.create(identity, inputs),
        update: (changed) => spec.update(identity, inputs, changed),
        outputs: (live, isChanging) => spec.outputs(identity, inputs, live, isChanging),
      };
    },
  };
}

function misunderstood({ issues }: z.ZodError): string {
  const problems = issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '));
  return `a deployment to an endpoint does not know these inputs: ${problems.join('; ')}. Teach them to its kind in stacks/endpoint/kinds`;
}

/** Without the keys that Pulumi passes though nothing was said. */
function present(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(present);
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const said = Object.entries(value).filter(([, part]) => part !== undefined && part !== null);
  return Object.fromEntries(said.map(([key, part]) => [key, present(part)]));
}

/** Short name of a value, the same for equal values in any order of keys. */
export function digest(value: Json | undefined): string {
  const text = value === undefined ? '' : JSON.stringify(sorted(value));
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, sorted(part)]));
}

/** JSON text as a value, so that the order of its keys and its white space do not count; other text as it is. */
export function fromJson(text: string | undefined): Json {
  if (text === undefined || text === '') return '';
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** A policy or another document: as text, or as the value of it. */
export const document = z
  .union([z.string(), z.record(z.string(), z.unknown())])
  .transform((given) => (typeof given === 'string' ? given : JSON.stringify(given)));

/** A name for what the program leaves unnamed: app, stage and logical name, cut to a length with a digest in place of the rest. */
export function physicalName({ app, stage }: Pick<Where, 'app' | 'stage'>, name: string, most: number): string {
  const whole = `${app}-${stage}-${name}`;
  return whole.length <= most ? whole : `${whole.slice(0, most - 9)}-${digest(whole).slice(0, 8)}`;
}

/** Reads one part of an identity. @throws Error where a record lacks it. */
export function part(identity: Identity, key: string): string {
  const value = identity[key];
  if (value === undefined)
    throw new Error(`the record of this deployment does not say the ${key} of ${JSON.stringify(identity)}`);
  return value;
}
