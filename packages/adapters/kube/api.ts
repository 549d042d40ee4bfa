import { type Clock, systemClock } from '@tmc/kernel/clock.ts';
import { malformedError, retryError, type TmcError } from '@tmc/kernel/errors.ts';
import { formatKey, type GroupResource, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { ObjectPage } from '@tmc/kernel/ports.ts';
import { classify, type Question, type Verdict } from './classify.ts';
import type { KubeConnection } from './connection.ts';
import type { HttpAnswer, HttpHead } from './exchange.ts';
import { type Ask, Transport } from './http.ts';
import { describeIdentity } from './identity.ts';
import type { OpenAnswer } from './open-stream.ts';
import { rightOf, rightsHint } from './rights.ts';
import type { PingTiming } from './session.ts';
import { parseStatus } from './status.ts';

/** A request about one object, or about a resource when no key is given. */
export type Call = Ask & {
  readonly key?: ResourceKey;
  /** What the request is about, for error texts, when there is no key. */
  readonly about?: string;
  /** The resource, when there is no key: the missing rule of a 403 names it. */
  readonly resource?: GroupResource;
  /** Verbs the missing rule names; what the request itself needs when absent. */
  readonly verbs?: readonly string[];
};

/** How requests reach a server: by HTTP/2, or without a socket when a test brings server and adapter together in one process. */
export type ApiTransport = Pick<Transport, 'request' | 'open' | 'close'>;

export type ApiOptions = {
  readonly connection: KubeConnection;
  readonly clock?: Clock;
  /** Absent: HTTP/2 to the connection's URL. */
  readonly transport?: ApiTransport;
  /** Deadline of calls that state none; the transport's own when absent. */
  readonly deadlineMs?: number;
  /** Longest body of a whole answer; the transport's own when absent. */
  readonly maxAnswerBytes?: number;
  /** When connections are asked by PING whether their peer lives; absent: every 10 s, to be answered within 10 s. */
  readonly ping?: PingTiming | undefined;
};

/** Places whose 403s are remembered; more than this many at once means the identity has no rights at all. */
const MAX_FORBIDDEN = 1_000;
/** How long a 403 counts as one with the next: longer than a message waits between two attempts (64 s), shorter than kcp runs between restarts. */
const FORBIDDEN_MEMORY_MS = 2 * 60_000;

/** JSON over {@link Transport} with every answer judged by the classifier; remembers since when a place answers 403. */
export class Api {
  readonly #connection: KubeConnection;
  readonly #transport: ApiTransport;
  readonly #clock: Clock;
  #answered: { readonly date: string; readonly atMs: number } | undefined;
  readonly #forbidden = new Map<string, { readonly firstMs: number; readonly lastMs: number }>();

  constructor({ connection, clock = systemClock, transport, ...timing }: ApiOptions) {
    this.#transport = transport ?? new Transport(connection, { clock, ...timing });
    this.#clock = clock;
    this.#connection = connection;
  }

  /** The object in the answer; undefined only on proof that it is absent. @throws TmcError for everything else. */
  async find(call: Call): Promise<KubeObject | undefined> {
    const answer = this.#heard(await this.#transport.request(call));
    const question = this.#question(call);
    const verdict = this.#judge(answer, call, question);
    if (verdict.kind === 'error') throw verdict.error;
    return verdict.kind === 'ok' ? parseBody(answer.body, question) : undefined;
  }

  /** The object in the answer. @throws TmcError; for an absent object what `absent` makes of it. */
  async get(call: Call, absent: (about: string) => TmcError): Promise<KubeObject> {
    const found = await this.find(call);
    if (!found) throw absent(aboutOf(call));
    return found;
  }

  /** One page of a list; its items carry apiVersion and kind, which built-in lists leave out. */
  async page(call: Call): Promise<ObjectPage> {
    const list = (await this.get(call, (about) =>
      retryError(`GET ${about}: 404`, { type: 'ResourceNotFound' }),
    )) as unknown as RawList;
    // kube-apiserver writes an empty list of metadata alone as `items: null`.
    const listed = list.items === null ? [] : list.items;
    if (!Array.isArray(listed) || typeof list.metadata?.resourceVersion !== 'string') {
      throw malformedError(`GET ${aboutOf(call)}: the answer is no list`);
    }
    const kind = list.kind.replace(/List$/, '');
    const items = listed.map((item) => (item.kind ? item : { ...item, apiVersion: list.apiVersion, kind }));
    const token = list.metadata.continue;
    return { items, resourceVersion: list.metadata.resourceVersion, ...(token ? { continue: token } : {}) };
  }

  /** An answer that is read as it comes. @throws TmcError when it is not 2xx. */
  async open(call: Call): Promise<OpenAnswer> {
    const answer = this.#heard(await this.#transport.open(call));
    if (answer.status >= 200 && answer.status < 300) return answer;
    const verdict = this.#judge({ ...answer, body: await readShort(answer) }, call, this.#question(call));
    throw verdict.kind === 'error' ? verdict.error : malformedError(`${call.method} ${aboutOf(call)}: not found`);
  }

  /** By how much the server's clock was ahead of this machine's at its last answer; to the second, as servers tell it. */
  clockSkewMs(): number | undefined {
    if (!this.#answered) return undefined;
    const skewMs = Date.parse(this.#answered.date) - this.#answered.atMs;
    return Number.isFinite(skewMs) ? skewMs : undefined;
  }

  close(): void {
    this.#transport.close();
  }

  #heard<T extends HttpHead>(answer: T): T {
    if (answer.date !== undefined) this.#answered = { date: answer.date, atMs: this.#clock() };
    return answer;
  }

  #judge(answer: HttpAnswer, call: Call, question: Question): Verdict {
    const place = placeOf(call);
    if (answer.status !== 403) {
      if (this.#forbidden.size > 0) this.#forbidden.delete(place);
      if (answer.status >= 200 && answer.status < 300) return { kind: 'ok' };
      if (answer.status !== 401) return classify(judged(answer), question);
      return classify(judged(answer), { ...question, identity: describeIdentity(this.#connection, this.#clock()) });
    }
    const right = rightOf(call);
    return classify(judged(answer), {
      ...question,
      forbiddenForMs: this.#forbiddenForMs(place),
      ...(right ? { rightsHint: rightsHint(right, this.#connection.url, call.path) } : {}),
    });
  }

  /** Counts a 403. One from before a pause, in which nothing was asked or the process was frozen, says nothing of what lies between. */
  #forbiddenForMs(place: string): number {
    const nowMs = this.#clock();
    const before = this.#forbidden.get(place);
    const firstMs = before && nowMs - before.lastMs <= FORBIDDEN_MEMORY_MS ? before.firstMs : nowMs;
    if (before || this.#forbidden.size < MAX_FORBIDDEN) this.#forbidden.set(place, { firstMs, lastMs: nowMs });
    return nowMs - firstMs;
  }

  #question(call: Call): Question {
    return { method: call.method, about: aboutOf(call), ...(call.key ? { key: call.key } : {}) };
  }
}

type RawList = {
  kind: string;
  apiVersion: string;
  metadata?: { resourceVersion?: string; continue?: string };
  items?: KubeObject[] | null;
};

function aboutOf(call: Call): string {
  return call.key ? formatKey(call.key) : (call.about ?? call.path);
}

/** 403s are counted per verb and place, not per object: rights are granted on resources. */
function placeOf({ method, key, path }: Call): string {
  return key
    ? `${method} ${key.workspace}|${key.group}/${key.resource}|${key.namespace}`
    : `${method} ${path.split('?', 1)[0]}`;
}

function judged({ body, ...head }: HttpAnswer) {
  const statusBody = parseStatus(body);
  return { ...head, ...(statusBody === undefined ? {} : { statusBody }) };
}

/** A body that a 2xx came with. One that does not parse was cut or mangled: the outcome of the request is not known. */
function parseBody(body: string, { method, about }: Question): KubeObject {
  try {
    return JSON.parse(body) as KubeObject;
  } catch {
    // The parser's own text quotes the body, which may be a Secret.
    throw retryError(`${method} ${about}: the answer is cut or no JSON; the outcome is not known`, {
      type: 'ClusterUnreachable',
    });
  }
}

/** Error bodies are short; more than this is not read. */
const MAX_ERROR_BYTES = 64 * 1024;

async function readShort({ stream }: OpenAnswer & HttpHead): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ERROR_BYTES) break;
    }
  } catch {
    // The status alone is judged then.
  }
  stream.close();
  return Buffer.concat(chunks).toString('utf8');
}
