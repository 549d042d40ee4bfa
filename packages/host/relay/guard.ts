import { TmcError } from '@tmc/kernel/errors.ts';
import type { RelayPorts } from '@tmc/relay/main.ts';

/** Where a relay's effects go. */
export type RelayOutlets = Pick<RelayPorts, 'send' | 'checkpoints'>;

/**
 * The same outlets for who leads, and for nobody else. Asked before and after each send: a process that was frozen for longer
 * than its lease sends nothing more, and takes nothing for acknowledged, before its timers have run.
 */
export function guarded({ send, checkpoints }: RelayOutlets, leads: () => boolean): RelayOutlets {
  const mustLead = (): void => {
    if (leads()) return;
    throw new TmcError('lease-lost', 'this replica does not lead', { type: 'SyncConflict', component: 'relay' });
  };
  return {
    send: async (messages) => {
      mustLead();
      const sent = await send(messages);
      mustLead();
      return sent;
    },
    checkpoints: {
      ...checkpoints,
      save: async (key, checkpoint) => {
        mustLead();
        await checkpoints.save(key, checkpoint);
      },
      raiseEpoch: async (source, to) => {
        mustLead();
        return checkpoints.raiseEpoch(source, to);
      },
    },
  };
}
