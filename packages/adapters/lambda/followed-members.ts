import type { Clock } from '@tmc/kernel/clock.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import type { MemberApi } from '@tmc/kernel/ports.ts';
import type { Log } from './telemetry.ts';

/** So often the list is read again: a deployment changes the secret that holds it, not the function. */
const LIST_MS = 5 * 60_000;

export type ConnectedMembers = {
  readonly member: (targetKey: string) => MemberApi | undefined;
  readonly close: () => void;
};

export type FollowOptions = {
  /** The text of the list now. */
  readonly read: () => Promise<string>;
  /** Connects the members of a text. @throws TmcError when it is no list. */
  readonly connect: (text: string) => Promise<ConnectedMembers>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
};

/**
 * Members of a list that others change: `refresh`, called between invocations, looks for a new one. When that cannot be read or is no
 * list, what was known stays. @throws what the first reading threw.
 */
export async function followMembers({ read, connect, clock, log }: FollowOptions): Promise<{
  readonly member: ConnectedMembers['member'];
  readonly refresh: () => Promise<void>;
}> {
  let text = await read();
  let connected = await connect(text);
  let readAtMs = clock();
  return {
    member: (targetKey) => connected.member(targetKey),
    refresh: async () => {
      if (clock() - readAtMs < LIST_MS) return;
      readAtMs = clock();
      try {
        const newText = await read();
        if (newText === text) return;
        const former = connected;
        connected = await connect(newText);
        text = newText;
        former.close();
        log.info({}, 'the list of members has changed');
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'the list of members stays as it was');
      }
    },
  };
}
