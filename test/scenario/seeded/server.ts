import type { KubeObject } from '@tmc/kernel/object.ts';
import type { FakerOptions } from '@tmc/kubesim/index.ts';
import type { Sim } from '@tmc/kubesim/server/context.ts';
import { type Answer, answer } from '@tmc/kubesim/server/handle.ts';
import { createSimulation } from '@tmc/kubesim/simulation.ts';

const TOKEN = 'admin';
export const AUTHORIZATION = `Bearer ${TOKEN}`;

type ServerRequest = {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly userAgent: string;
};

/** One simulated API server in this process. */
export type Server = {
  readonly name: string;
  readonly store: Sim['store'];
  answer(request: ServerRequest): Promise<Answer>;
  /** What a user does with kubectl: no faults, and an answer that is no success is thrown. */
  user(method: string, path: string, body?: KubeObject | Record<string, unknown>): Promise<KubeObject>;
};

export function startServer(name: string, now: () => number, faker?: FakerOptions): Server {
  const { sim } = createSimulation(
    { kind: 'kube', clock: { now: () => new Date(now()) }, faker: faker ?? false },
    { adminToken: TOKEN, stopping: new AbortController().signal, countWrite: () => undefined },
  );
  const send = ({ method, path, body = '', contentType, accept, userAgent }: ServerRequest): Promise<Answer> =>
    answer(sim, {
      method,
      url: path,
      authorization: AUTHORIZATION,
      accept: accept ?? 'application/json',
      contentType: contentType ?? 'application/json',
      userAgent,
      body: async () => body,
    });
  return {
    name,
    store: sim.store,
    answer: send,
    async user(method, path, body) {
      const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
      const text = body === undefined ? '' : JSON.stringify(body);
      const { status, text: answered = '' } = await send({
        method,
        path,
        body: text,
        contentType,
        userAgent: 'kubectl',
      });
      if (status >= 300) throw new Error(`${name}: ${method} ${path}: ${status} ${answered}`);
      return JSON.parse(answered) as KubeObject;
    },
  };
}
