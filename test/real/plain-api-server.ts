/** One real kube-apiserver to send single requests to: enough to check schemas against. */
import { Transport } from '@tmc/adapters/kube/http.ts';
import { startFleet } from './harness/fleet.ts';

export type Answer = { readonly status: number; readonly body: Record<string, unknown> };
type CallOptions = { readonly body?: unknown; readonly contentType?: string; readonly accept?: string };

export type PlainApiServer = {
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Answer>;
  readonly stop: () => Promise<void>;
};

/** Starts a hub without members. @throws Error with the end of its log when it is not ready in time. */
export async function startPlainApiServer(): Promise<PlainApiServer> {
  const fleet = await startFleet({ members: 0 });
  const transport = new Transport(fleet.hub.connection);
  return {
    call: async (method, path, { body, ...media } = {}) => {
      const text = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await transport.request({ method, path, ...text, ...media });
      return { status: answer.status, body: parsed(answer.body) };
    },
    stop: async () => {
      transport.close();
      await fleet.stop();
    },
  };
}

/** Polls until the check gives a value; @throws Error naming what was awaited after the deadline. */
export async function until<T>(what: string, check: () => Promise<T | undefined>, withinMs = 20_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The JSON of an answer; a path that is not served answers plain text, which has none. */
function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
