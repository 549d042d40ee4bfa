import type { FunctionRuntime } from '@tmc/adapters/lambda/runtime.ts';
import type { Queue, ReceivedMessage } from '@tmc/adapters/queue/queue.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import type { MemberApi } from '@tmc/kernel/ports.ts';
import { instant } from './instant.ts';

/** When one object passed each stage, as `instant()`; NaN when it did not. Relay times have 1 ms resolution. */
export type StageTimes = {
  readonly relayedAt: number;
  readonly receivedAt: number;
  readonly applyStartedAt: number;
  readonly applyEndedAt: number;
};

/** Of an object that was not seen. */
export const NO_TIMES: StageTimes = {
  relayedAt: Number.NaN,
  receivedAt: Number.NaN,
  applyStartedAt: Number.NaN,
  applyEndedAt: Number.NaN,
};

/** Notes stage times by wrapping queue and members of a running host. */
export class StageWatch {
  #times = new Map<string, StageTimes>();

  /** What was noted since the last call, by object name. */
  take(): ReadonlyMap<string, StageTimes> {
    const taken = this.#times;
    this.#times = new Map();
    return taken;
  }

  wrap(runtime: FunctionRuntime): FunctionRuntime {
    const members = new Map<string, MemberApi>();
    return {
      ...runtime,
      queues: { ...runtime.queues, sync: this.#wrapQueue(runtime.queues.sync) },
      member: (targetKey) => {
        const member = runtime.member(targetKey);
        if (!member) return undefined;
        const wrapped = members.get(targetKey) ?? this.#wrapMember(member);
        members.set(targetKey, wrapped);
        return wrapped;
      },
    };
  }

  #note(name: string, merge: (times: StageTimes) => Partial<StageTimes>): void {
    const times = this.#times.get(name) ?? NO_TIMES;
    this.#times.set(name, { ...times, ...merge(times) });
  }

  #wrapQueue(queue: Queue): Queue {
    return {
      name: queue.name,
      send: (entries) => queue.send(entries),
      receive: async (options) => {
        const messages = await queue.receive(options);
        for (const message of messages) this.#received(message);
        return messages;
      },
      delete: (receipts) => queue.delete(receipts),
      changeVisibility: (changes) => queue.changeVisibility(changes),
      park: (message, reason) => queue.park(message, reason),
      depth: () => queue.depth(),
      listDead: (options) => queue.listDead(options),
      redrive: (options) => queue.redrive(options),
    };
  }

  #received({ body }: ReceivedMessage): void {
    const { key, at } = JSON.parse(body) as Envelope;
    const receivedAt = instant();
    this.#note(key.name, (times) => (Number.isNaN(times.receivedAt) ? { receivedAt, relayedAt: at } : {}));
  }

  #wrapMember(member: MemberApi): MemberApi {
    return {
      get: (key) => member.get(key),
      list: (resource, scope) => member.list(resource, scope),
      delete: (key, uid) => member.delete(key, uid),
      apply: async (key, obj, when) => {
        const startedAt = instant();
        this.#note(key.name, (times) => (Number.isNaN(times.applyStartedAt) ? { applyStartedAt: startedAt } : {}));
        const applied = await member.apply(key, obj, when);
        this.#note(key.name, () => ({ applyEndedAt: instant() }));
        return applied;
      },
    };
  }
}
