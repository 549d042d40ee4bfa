import { describe, expect, it } from 'vitest';
import { DeploymentRecord, type Entry, type RecordStore } from './record.ts';

const OF = { app: 'tmc', stage: 'dev', run: 'one' };

const entry = (name: string, isSettled = true): Entry => ({
  type: 'fake:queue',
  name,
  identity: { queue: name },
  isSettled,
  wanted: {},
  seen: {},
});

/** Keeps every text that was saved; each write waits until it is let go. */
function slowStore() {
  const saved: string[] = [];
  const waiting: (() => void)[] = [];
  const store: RecordStore = {
    load: async () => saved.at(-1),
    save: async (text) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      saved.push(text);
    },
    discard: async () => undefined,
  };
  return { store, saved, waiting };
}

const namesIn = (text: string | undefined): string[] =>
  (JSON.parse(text ?? '') as { resources: Entry[] }).resources.map(({ name }) => name);

/** Lets promises go on that wait for nothing but each other. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the record of a deployment', () => {
  it('is written before a change counts, and changes that wait share one write', async () => {
    const { store, saved, waiting } = slowStore();
    const record = await DeploymentRecord.load(store, OF);
    const written: string[] = [];
    const puts = ['a', 'b', 'c'].map((name) => record.put(entry(name)).then(() => written.push(name)));
    await turn();
    expect(written).toEqual([]);
    puts.push(record.put(entry('d')).then(() => written.push('d')));
    await turn();
    waiting.shift()?.();
    await turn();
    expect(written).toEqual(['a', 'b', 'c']);
    waiting.shift()?.();
    await Promise.all(puts);
    expect(saved.map(namesIn)).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c', 'd'],
    ]);
  });

  it('keeps the place of what is made again, and loses what is dropped', async () => {
    const { store, saved, waiting } = slowStore();
    const record = await DeploymentRecord.load(store, OF);
    const changes = [
      record.put(entry('a', false)),
      record.put(entry('b')),
      record.put(entry('a')),
      record.drop(entry('b')),
    ];
    await turn();
    waiting.shift()?.();
    await Promise.all(changes);
    expect(namesIn(saved.at(-1))).toEqual(['a']);
    expect(record.find('fake:queue', { queue: 'a' })?.isSettled).toBe(true);
    expect(record.find('fake:queue', { queue: 'b' })).toBeUndefined();
  });

  it('says that a write failed to whom it was promised, and goes on with the next', async () => {
    let fault: Error | undefined = new Error('no room');
    const saved: string[] = [];
    const store: RecordStore = {
      load: async () => undefined,
      save: async (text) => {
        if (fault) throw fault;
        saved.push(text);
      },
      discard: async () => undefined,
    };
    const record = await DeploymentRecord.load(store, OF);
    await expect(record.put(entry('a'))).rejects.toThrow('no room');
    fault = undefined;
    await record.put(entry('b'));
    expect(saved.map(namesIn)).toEqual([['a', 'b']]);
  });

  it.each([
    ['{', 'is not JSON'],
    ['{"version":2}', 'was written by another version'],
  ])('does not go on from %s', async (text, message) => {
    const store: RecordStore = { load: async () => text, save: async () => undefined, discard: async () => undefined };
    await expect(DeploymentRecord.load(store, OF)).rejects.toThrow(message);
  });
});
