import { failure } from '../api-error.ts';
import type { Answer } from '../server/answer.ts';
import type { WatchSink } from '../watch/watch.ts';

/** What goes wrong with the requests a rule picks. */
export type Fault =
  | { kind: 'delay'; ms: number }
  /** The request is not carried out (`before`) or its answer is lost (`after`). */
  | { kind: 'drop'; when: 'before' | 'after' }
  | { kind: 'status'; code: number; reason?: string; retryAfterSeconds?: number }
  /** A body that is no Status. */
  | { kind: 'text'; code: number; text: string }
  /** Carried out, then only half the answer arrives. */
  | { kind: 'cut-body' }
  /** A watch breaks off after so many bytes. */
  | { kind: 'cut-stream'; afterBytes: number }
  /** Every event of a watch is sent twice. */
  | { kind: 'duplicate-events' }
  /** A watch answers with the 410 error event. */
  | { kind: 'expired' }
  /** A list shows the state of so many revisions ago. */
  | { kind: 'stale-list'; revisionsAgo: number };

/** Faults for the next requests of a kind. Absent parts match all; `times` defaults to once. */
export interface FaultRule {
  method?: string;
  path?: RegExp | string;
  times?: number;
  fault: Fault;
}

interface Armed extends FaultRule {
  left: number;
}

interface GatedRequest {
  method: string;
  url: string;
  /** The server's present revision. */
  revision: number;
}

/** Where requests meet the faults injected by tests. Which faults and when is the caller's (seeded) choice. */
export class FaultGate {
  private rules: Armed[] = [];
  /** How many requests met a fault. */
  injected = 0;

  /** Arms a rule; rules are tried in the order they were added. @returns how to disarm it */
  add(rule: FaultRule): () => void {
    const armed = { ...rule, left: rule.times ?? 1 };
    this.rules.push(armed);
    return () => {
      this.rules = this.rules.filter((other) => other !== armed);
    };
  }

  clear(): void {
    this.rules = [];
  }

  /** Carries a request out, as the first rule that picks it wants. */
  async pass(request: GatedRequest, carryOut: (url: string) => Promise<Answer>): Promise<Answer | 'drop'> {
    const rule = this.rules.length ? this.take(request) : undefined;
    if (!rule) return carryOut(request.url);
    this.injected++;
    if (rule.fault.kind === 'stale-list') return carryOut(staleUrl(request, rule.fault.revisionsAgo));
    return inject(rule.fault, () => carryOut(request.url));
  }

  private take({ method, url }: { method: string; url: string }): Armed | undefined {
    const rule = this.rules.find(
      ({ method: wanted, path }) =>
        (wanted === undefined || wanted === method) &&
        (path === undefined || (typeof path === 'string' ? url.includes(path) : path.test(url))),
    );
    if (!rule) return undefined;
    rule.left--;
    if (rule.left <= 0) this.rules = this.rules.filter((other) => other !== rule);
    return rule;
  }
}

/** Asks for the list as it was: a state that was true once, as a lagging cache answers. */
function staleUrl({ url, revision }: GatedRequest, revisionsAgo: number): string {
  const [path = '', query = ''] = url.split('?', 2);
  const params = new URLSearchParams(query);
  params.set('resourceVersion', String(Math.max(1, revision - revisionsAgo)));
  params.set('resourceVersionMatch', 'Exact');
  return `${path}?${params}`;
}

async function inject(
  fault: Exclude<Fault, { kind: 'stale-list' }>,
  carryOut: () => Promise<Answer>,
): Promise<Answer | 'drop'> {
  switch (fault.kind) {
    case 'delay':
      await new Promise((resolve) => setTimeout(resolve, fault.ms));
      return carryOut();
    case 'drop':
      if (fault.when === 'after') await carryOut();
      return 'drop';
    case 'status':
      return statusAnswer(fault);
    case 'text':
      return { status: fault.code, contentType: 'text/plain; charset=utf-8', text: fault.text };
    case 'cut-body':
      return { ...(await carryOut()), cutBody: true };
    case 'expired':
      return { status: 200, contentType: 'application/json', stream: expiredStream };
    default:
      return bendStream(fault, await carryOut());
  }
}

const REASONS: Record<number, string> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function statusAnswer(fault: { code: number; reason?: string; retryAfterSeconds?: number }): Answer {
  const seconds = fault.retryAfterSeconds;
  const reason = fault.reason ?? REASONS[fault.code];
  const error = failure(fault.code, `injected: ${reason ?? fault.code}`, {
    ...(reason ? { reason } : {}),
    ...(seconds === undefined
      ? {}
      : { details: { retryAfterSeconds: seconds }, headers: { 'retry-after': String(seconds) } }),
  });
  return {
    status: fault.code,
    contentType: 'application/json',
    text: JSON.stringify(error.body),
    headers: error.headers,
  };
}

function expiredStream(sink: WatchSink): void {
  const object = failure(410, 'too old resource version: injected', { reason: 'Expired' }).body;
  sink.write(`${JSON.stringify({ type: 'ERROR', object })}\n`);
  sink.end();
}

function bendStream(
  fault: { kind: 'cut-stream'; afterBytes: number } | { kind: 'duplicate-events' },
  result: Answer,
): Answer {
  const { stream } = result;
  if (!stream) return fault.kind === 'cut-stream' ? { ...result, cutBody: true } : result;
  if (fault.kind === 'duplicate-events')
    return { ...result, stream: (sink) => stream({ ...sink, write: (line) => sink.write(line + line) }) };
  return { ...result, stream: (sink) => stream(cutAfter(sink, fault.afterBytes)) };
}

function cutAfter(sink: WatchSink, bytes: number): WatchSink {
  let left = bytes;
  return {
    ...sink,
    write: (line) => {
      if (left <= 0) return;
      const part = Buffer.from(line).subarray(0, left);
      left -= part.length;
      sink.write(part.toString());
      if (left <= 0) setImmediate(() => sink.cut());
    },
  };
}
