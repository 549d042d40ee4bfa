import type { OutgoingMessage } from '@tmc/kernel/envelope.ts';
import { describe, expect, it } from 'vitest';
import { guarded } from './guard.ts';

describe('outlets of a replica', () => {
  const key = { source: 'hub', endpoint: 'e', resource: 'configmaps' };

  it('carry what a leader sends and saves, and nothing of anybody else', async () => {
    let leads = true;
    const calls: string[] = [];
    const outlets = guarded(
      {
        send: async (messages) => {
          calls.push(`send ${messages.length}`);
          return { failed: [] };
        },
        checkpoints: {
          load: async () => ({ rv: '5', epoch: 0 }),
          save: async () => void calls.push('save'),
          loadEpoch: async () => 0,
          raiseEpoch: async () => 1,
        },
      },
      () => leads,
    );
    expect(await outlets.send([])).toEqual({ failed: [] });
    await outlets.checkpoints.save(key, { rv: '6', epoch: 0 });
    leads = false;
    await expect(outlets.send([])).rejects.toMatchObject({ kind: 'lease-lost' });
    await expect(outlets.checkpoints.save(key, { rv: '7', epoch: 0 })).rejects.toMatchObject({ kind: 'lease-lost' });
    await expect(outlets.checkpoints.raiseEpoch('hub', 2)).rejects.toMatchObject({ kind: 'lease-lost' });
    expect(calls).toEqual(['send 0', 'save']);
  });

  it('a send that was answered after the term ended counts as not acknowledged', async () => {
    let leads = true;
    const sent: OutgoingMessage[] = [];
    const send = async (messages: readonly OutgoingMessage[]) => {
      sent.push(...messages);
      leads = false;
      return { failed: [] };
    };
    const checkpoints = {} as Parameters<typeof guarded>[0]['checkpoints'];
    await expect(guarded({ send, checkpoints }, () => leads).send([])).rejects.toMatchObject({ kind: 'lease-lost' });
  });
});
