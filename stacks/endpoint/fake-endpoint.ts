import * as z from 'zod';
import { type Fields, type Identity, type Kind, kind, part } from './kind.ts';
import type { RecordStore } from './record.ts';

const inputs = z.strictObject({
  size: z.number(),
  shape: z.string().default('round'),
  /** Of another one, so that one cannot be made before the other. */
  of: z.string().optional(),
});

/** An endpoint in memory that offers `things`, which hold data, `shared` ones, and `extras`, which it may not offer. For tests. */
export function fakeEndpoint({ hasExtras = true }: { hasExtras?: boolean } = {}) {
  const world = new Map<string, Fields>();
  const calls: string[] = [];
  let stored: string | undefined;
  let callsLeft = Number.POSITIVE_INFINITY;
  let isTaken = false;

  const call = (what: string, id: Identity): string => {
    if (callsLeft-- <= 0) throw new Error('the process was killed');
    const name = part(id, 'name');
    calls.push(`${what} ${name}`);
    return name;
  };
  const make = (type: string, more: Partial<Kind>): Kind =>
    kind<z.infer<typeof inputs>>({
      type,
      noun: 'thing',
      inputs,
      identify: (_said, name) => ({ name }),
      fields: ({ size, shape }) => ({ size, shape }),
      read: async (id) => {
        if (more.optional !== undefined && !hasExtras) throw notOffered();
        const fields = world.get(part(id, 'name'));
        return fields && { fields, outputs: { at: `at ${part(id, 'name')}` } };
      },
      create: async (id, { size, shape }) => {
        world.set(call('create', id), { size, shape });
      },
      update: async (id, { size, shape }) => {
        world.set(call('update', id), { size, shape });
      },
      remove: async (id) => {
        world.delete(call('remove', id));
      },
      outputs: (id, said, live) => ({ ...said, id: part(id, 'name'), at: live?.outputs?.['at'] ?? 'nowhere yet' }),
      ...more,
    });
  const kinds = new Map(
    [
      make('fake:thing', { fixed: ['shape'], holdsData: true }),
      make('fake:shared', { adopts: 'whole', comesBack: true }),
      make('fake:extra', { optional: 'it is dull without', fixed: ['shape'] }),
    ].map((one) => [one.type, one]),
  );
  const store: RecordStore = {
    load: async () => stored,
    save: async (text) => {
      if (callsLeft-- <= 0) throw new Error('the process was killed');
      if (isTaken) throw new Error('another run wrote the record');
      stored = text;
    },
    discard: async () => {
      stored = undefined;
    },
  };
  return {
    kinds,
    store,
    world,
    calls,
    /** After so many more calls that change something, each one fails, as if the process were gone. */
    killAfter: (count: number) => {
      callsLeft = count;
    },
    /** From now on another run has the record. */
    takeRecord: () => {
      isTaken = true;
    },
    record: () => stored,
    hasRecord: () => stored !== undefined,
  };
}

function notOffered(): Error {
  return Object.assign(new Error('not yet emulated'), { name: 'InternalFailure', $metadata: { httpStatusCode: 501 } });
}
