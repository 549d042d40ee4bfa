import type { ApiTransport } from '@tmc/adapters/kube/api.ts';
import { type HttpAnswer, NoAnswer, unreachable } from '@tmc/adapters/kube/exchange.ts';
import type { Ask } from '@tmc/adapters/kube/http.ts';
import type { OpenAnswer } from '@tmc/adapters/kube/open-stream.ts';
import { ByteStream } from './byte-stream.ts';
import type { KindName, Shape } from './history.ts';
import type { Network, RequestVerb } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import { SECRET_MARKS, type SimServer } from './server.ts';
import type { Stored } from './truth.ts';

const DEADLINE_MS = 30_000;
const JSON_TYPE = 'application/json';

export type Endpoint = {
  readonly name: string;
  readonly server: SimServer;
  readonly network: Network;
  /** Lists begun and not read to their end, by token. */
  readonly nextToken: () => string;
  readonly lists: Map<string, { readonly rv: number; readonly items: readonly Stored[] }>;
};

type Query = { readonly kind: KindName; readonly parameters: URLSearchParams };

/** Requests of one relay to one simulated server, answered in the bytes an API server answers with. */
export class SimTransport implements ApiTransport {
  readonly #endpoint: Endpoint;
  readonly #scheduler: Scheduler;
  readonly #shape: Shape;

  constructor(endpoint: Endpoint, { scheduler, shape }: { scheduler: Scheduler; shape: Shape }) {
    this.#endpoint = endpoint;
    this.#scheduler = scheduler;
    this.#shape = shape;
  }

  async request(ask: Ask): Promise<HttpAnswer> {
    return this.#limited(ask, async () => {
      const query = queryOf(ask.path);
      const answer = this.#refusal(query, query.parameters.has('continue') ? 'page' : 'list') ?? this.#list(query, ask);
      return this.#onTheWay(answer);
    });
  }

  async open(ask: Ask): Promise<OpenAnswer> {
    return this.#limited(ask, async () => {
      const query = queryOf(ask.path);
      const wantsList = query.parameters.get('sendInitialEvents') === 'true';
      const refusal = this.#refusal(query, wantsList ? 'watchList' : 'watch') ?? this.#watchRefusal(query, wantsList);
      return refusal ? this.#short(refusal) : this.#watch(query, wantsList);
    });
  }

  close(): void {}

  /** There and back with the delays and deadlines of a connection. @throws TmcError `retry` as the real transport does. */
  async #limited<T>(ask: Ask, act: () => Promise<T>): Promise<T> {
    const { signal, deadlineMs = DEADLINE_MS, method, path } = ask;
    const fail = (reason: string, late = false) => unreachable({ method, path }, new NoAnswer(reason, { late }));
    if (signal?.aborted) throw fail('given up by the caller');
    return new Promise<T>((resolve, reject) => {
      let over = false;
      const settle = (end: () => void): void => {
        if (over) return;
        over = true;
        cancel();
        signal?.removeEventListener('abort', aborted);
        end();
      };
      const aborted = (): void => settle(() => reject(fail('given up by the caller')));
      const cancel = this.#scheduler.after(deadlineMs, () =>
        settle(() => reject(fail(`none within ${deadlineMs} ms`, true))),
      );
      signal?.addEventListener('abort', aborted, { once: true });
      const go = async (): Promise<void> => {
        try {
          await this.#way();
          if (over) return;
          const result = await act();
          settle(() => resolve(result));
        } catch (error) {
          settle(() => reject(error instanceof NoAnswer ? unreachable({ method, path }, error) : error));
        }
      };
      void go();
    });
  }

  async #way(): Promise<void> {
    await this.#scheduler.sleep(this.#endpoint.network.wayMs());
    await this.#endpoint.network.whenPassing();
  }

  /** The answer as it arrives: whole, not at all, or cut. */
  async #onTheWay(answer: HttpAnswer): Promise<HttpAnswer> {
    const { network } = this.#endpoint;
    await this.#way();
    if (network.lost > 0) {
      network.lost -= 1;
      throw new NoAnswer('read ECONNRESET');
    }
    if (network.cutAnswers > 0) {
      network.cutAnswers -= 1;
      return { ...answer, body: answer.body.slice(0, Math.floor(answer.body.length * network.chance())) };
    }
    const passed = network.pass(answer.body.length);
    if (passed.broken) {
      network.breakAll(passed.broken);
      throw new NoAnswer(`the body was cut after ${passed.bytes} of ${answer.body.length} bytes`);
    }
    return answer;
  }

  #refusal({ kind }: Query, verb: RequestVerb): HttpAnswer | undefined {
    const status = this.#endpoint.network.takeStatus(verb);
    if (status !== undefined) return refusalOf(status, kind);
    if (!this.#endpoint.server.isServed(kind)) return plain(404, '404 page not found\n');
    return undefined;
  }

  #list({ kind, parameters }: Query, { accept = '' }: Ask): HttpAnswer {
    const { server, network, lists } = this.#endpoint;
    const token = parameters.get('continue');
    const [name = '', from = '0'] = (token ?? '').split(':');
    const list = token ? lists.get(name) : { rv: server.rv, items: server.visible(kind) };
    if (token && network.expiredTokens > 0) {
      network.expiredTokens -= 1;
      return refusalOf(410, kind);
    }
    if (!list || list.rv < server.compactedTo) return refusalOf(410, kind);
    const end = Number(from) + Math.min(Number(parameters.get('limit') ?? 500), this.#shape.pageSize);
    const bare = accept.includes('PartialObjectMetadataList');
    const items = list.items.slice(Number(from), end).map((stored) => (bare ? bareJson(stored) : stored.json));
    const next = name || this.#endpoint.nextToken();
    const more = end < list.items.length;
    if (more) lists.set(next, list);
    const { apiVersion, kind: itemKind } = KIND_OF[kind];
    const type = bare
      ? { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadataList' }
      : { apiVersion, kind: `${itemKind}List` };
    const metadata = { resourceVersion: String(list.rv), ...(more && { continue: `${next}:${end}` }) };
    const head = JSON.stringify({ ...type, metadata });
    return { status: 200, contentType: JSON_TYPE, body: `${head.slice(0, -1)},"items":[${items.join(',')}]}` };
  }

  #watchRefusal({ kind, parameters }: Query, wantsList: boolean): HttpAnswer | undefined {
    const { watchList, expiredAs } = this.#shape;
    if (wantsList) return watchList === 'served' ? undefined : refusalOf(watchList, kind);
    const isExpired = Number(parameters.get('resourceVersion')) < this.#endpoint.server.compactedTo;
    return isExpired && expiredAs === 'status' ? refusalOf(410, kind) : undefined;
  }

  async #short(answer: HttpAnswer): Promise<OpenAnswer> {
    const whole = await this.#onTheWay(answer);
    const { body, ...head } = whole;
    const stream = this.#stream(() => {});
    stream.write(body);
    stream.end();
    return { ...head, stream };
  }

  async #watch({ kind, parameters }: Query, wantsList: boolean): Promise<OpenAnswer> {
    const { server } = this.#endpoint;
    const from = Number(parameters.get('resourceVersion') ?? 0);
    const ends: (() => void)[] = [];
    const stream = this.#stream(() => {
      for (const end of ends.splice(0)) end();
    });
    const answer = { status: 200, contentType: JSON_TYPE, stream };
    if (!wantsList && from < server.compactedTo) {
      stream.write(errorLine(410, kind));
      stream.end();
    } else {
      const begin = wantsList ? this.#initialEvents(kind) : server.since(kind, from).map(({ line }) => line);
      if (begin.length > 0) stream.write(begin.join(''));
      // A server that was set back is silent until its revisions pass the one that was asked for.
      ends.push(server.listen(kind, (entry) => entry.rv > from && stream.write(entry.line)));
      this.#keepTime({ kind, stream, ends, seconds: Number(parameters.get('timeoutSeconds')), from });
    }
    try {
      await this.#way();
    } catch (error) {
      stream.close();
      throw error;
    }
    return answer;
  }

  #stream(closed: () => void): ByteStream {
    return new ByteStream({ network: this.#endpoint.network, scheduler: this.#scheduler, closed });
  }

  #initialEvents(kind: KindName): string[] {
    const { server } = this.#endpoint;
    const present = server.visible(kind).map(({ json }) => `{"type":"ADDED","object":${json}}\n`);
    return [...present, bookmarkLine(kind, server.rv, { 'k8s.io/initial-events-end': 'true' })];
  }

  /** Bookmarks, and the end at the deadline. */
  #keepTime(options: {
    kind: KindName;
    stream: ByteStream;
    ends: (() => void)[];
    seconds: number;
    from: number;
  }): void {
    const { kind, stream, ends, seconds, from } = options;
    const { bookmarkMs, streamMs } = this.#shape;
    const { server } = this.#endpoint;
    ends.push(this.#scheduler.after(Math.min(seconds * 1000, streamMs), () => stream.end()));
    if (bookmarkMs === 0) return;
    let cancel: () => void = () => {};
    const again = (): void => {
      if (server.rv >= from) stream.write(bookmarkLine(kind, server.rv));
      cancel = this.#scheduler.after(bookmarkMs, again);
    };
    cancel = this.#scheduler.after(bookmarkMs, again);
    ends.push(() => cancel());
  }
}

const KIND_OF: Readonly<Record<KindName, { apiVersion: string; kind: string }>> = {
  configmaps: { apiVersion: 'v1', kind: 'ConfigMap' },
  secrets: { apiVersion: 'v1', kind: 'Secret' },
  'deployments.apps': { apiVersion: 'apps/v1', kind: 'Deployment' },
  'synctargets.workload.kcp.io': { apiVersion: 'workload.kcp.io/v1alpha1', kind: 'SyncTarget' },
};

const KIND_BY_PATH: Readonly<Record<string, KindName>> = {
  '/clusters/*/api/v1/configmaps': 'configmaps',
  '/clusters/*/api/v1/secrets': 'secrets',
  '/clusters/*/apis/apps/v1/deployments': 'deployments.apps',
  '/clusters/*/apis/workload.kcp.io/v1alpha1/synctargets': 'synctargets.workload.kcp.io',
};

function queryOf(path: string): Query {
  const [bare = '', query = ''] = path.split('?', 2);
  const kind = KIND_BY_PATH[bare];
  if (!kind) throw new Error(`the simulated server does not know ${path}`);
  return { kind, parameters: new URLSearchParams(query) };
}

function bareJson({ object }: Stored): string {
  return JSON.stringify({ apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: object.metadata });
}

function bookmarkLine(kind: KindName, rv: number, annotations?: Record<string, string>): string {
  const metadata = { resourceVersion: String(rv), creationTimestamp: null, ...(annotations && { annotations }) };
  return `${JSON.stringify({ type: 'BOOKMARK', object: { ...KIND_OF[kind], metadata } })}\n`;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

/** A server that trips over a Secret may quote it. */
function statusOf(code: number, kind: KindName): Record<string, unknown> {
  const quoted = kind === 'secrets' ? `: unable to decode {"data":{"password":"${SECRET_MARKS[1]}MQ=="}}` : '';
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `simulated ${code}${quoted}`,
    reason: REASONS[code] ?? 'Unknown',
    code,
    ...(code === 429 && { details: { retryAfterSeconds: 1 } }),
  };
}

/** As Status JSON, as servers do; a 404 without a name is a kind that is not served, in plain text. */
function refusalOf(status: number, kind: KindName): HttpAnswer {
  if (status === 404) return plain(404, '404 page not found\n');
  return {
    status,
    contentType: JSON_TYPE,
    ...(status === 429 && { retryAfter: '1' }),
    body: JSON.stringify(statusOf(status, kind)),
  };
}

function plain(status: number, body: string): HttpAnswer {
  return { status, contentType: 'text/plain', body };
}

export function errorLine(code: number, kind: KindName): string {
  return `${JSON.stringify({ type: 'ERROR', object: statusOf(code, kind) })}\n`;
}
