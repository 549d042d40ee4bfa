import { beforeEach, describe, expect, it } from 'vitest';
import type { Queue, ReceivedMessage } from './queue.ts';

/** A fresh queue with `maxReceives` 3, and its time. */
export type QueueHarness = {
  readonly name: string;
  readonly open: () => Promise<OpenQueue> | OpenQueue;
  /** Fair groups; an emulator may lack them. */
  readonly fair: boolean;
};

export type OpenQueue = {
  readonly queue: Queue;
  /** Lets this time pass, or returns how long a receive must poll for it to have passed. */
  readonly after: (ms: number) => Promise<number>;
};

const VISIBILITY_MS = 1_000;

/** What every queue must do; run by memory, SQLite and SQS. */
export function queueContract(harness: QueueHarness): void {
  describe(`queue on ${harness.name}`, () => {
    let queue: Queue;
    let after: OpenQueue['after'];
    beforeEach(async () => {
      ({ queue, after } = await harness.open());
    });

    const { signal } = new AbortController();
    const receive = (waitMs = 0, max = 10, visibilityMs = VISIBILITY_MS) =>
      queue.receive({ max, visibilityMs, waitMs, signal });
    const send = (...bodies: string[]) => queue.send(bodies.map((body) => ({ body, group: 'tenant' })));
    const bodies = (messages: readonly ReceivedMessage[]) => messages.map(({ body }) => body).sort();

    async function receiveOne(waitMs = 0): Promise<ReceivedMessage> {
      const [message] = await receive(waitMs, 1);
      if (!message) throw new Error(`no message became visible within ${waitMs} ms`);
      return message;
    }

    async function receiveAll(count: number, waitMs = 0): Promise<ReceivedMessage[]> {
      const all: ReceivedMessage[] = [];
      while (all.length < count) {
        const some = await receive(waitMs, 10, 30_000);
        if (some.length === 0) throw new Error(`${all.length} of ${count} messages arrived`);
        all.push(...some);
      }
      return all;
    }

    it('delivers what was sent, once while it is in flight', async () => {
      expect(await send('a', 'b', 'ü "😀"')).toEqual({ failed: [] });
      const messages = await receiveAll(3);
      expect(bodies(messages)).toEqual(['a', 'b', 'ü "😀"']);
      expect(messages.every(({ receiveCount, group }) => receiveCount === 1 && group === 'tenant')).toBe(true);
      expect(new Set(messages.map(({ id }) => id)).size).toBe(3);
      expect(await receive()).toEqual([]);
    });

    it('an acknowledged message never comes back', async () => {
      await send('a', 'b');
      const messages = await receive(0, 10);
      await queue.delete(messages.filter(({ body }) => body === 'a').map(({ receipt }) => receipt));
      const again = await receive(await after(VISIBILITY_MS));
      expect(bodies(again)).toEqual(['b']);
    });

    it('an unacknowledged one comes back after its visibility timeout, with its count', async () => {
      await send('a');
      const first = await receiveOne();
      expect(await receive()).toEqual([]);
      const second = await receiveOne(await after(VISIBILITY_MS));
      expect(second).toMatchObject({ id: first.id, body: 'a', receiveCount: 2, sentAtMs: first.sentAtMs });
      expect(second.receipt).not.toBe(first.receipt);
    });

    it('a stale receipt changes nothing', async () => {
      await send('a');
      const first = await receiveOne();
      const second = await receiveOne(await after(VISIBILITY_MS));
      await queue.changeVisibility([{ receipt: first.receipt, afterMs: 0 }]);
      await queue.delete([first.receipt]);
      expect(await receive()).toEqual([]);
      await queue.changeVisibility([{ receipt: second.receipt, afterMs: 0 }]);
      expect((await receiveOne()).receiveCount).toBe(3);
    });

    it('a receipt of a deleted message is ignored', async () => {
      await send('a');
      const { receipt } = await receiveOne();
      await queue.delete([receipt]);
      await queue.delete([receipt]);
      await queue.changeVisibility([{ receipt, afterMs: 0 }]);
      expect(await receive()).toEqual([]);
    });

    it('visibility 0 gives it back at once, a longer one holds it longer', async () => {
      await send('a');
      await queue.changeVisibility([{ receipt: (await receiveOne()).receipt, afterMs: 0 }]);
      const second = await receiveOne();
      await queue.changeVisibility([{ receipt: second.receipt, afterMs: 3 * VISIBILITY_MS }]);
      await after(VISIBILITY_MS);
      expect(await receive()).toEqual([]);
      expect((await receiveOne(await after(2 * VISIBILITY_MS))).receiveCount).toBe(3);
    });

    it('gives several back, each after its own time, and ignores stale receipts among them', async () => {
      await send('stale');
      const stale = await receiveOne();
      await queue.delete([stale.receipt]);
      const names = Array.from({ length: 10 }, (_, n) => `m${n}`);
      await send(...names);
      await send('held');
      const messages = await receiveAll(11);
      const times = messages.map(({ receipt, body }) => ({ receipt, afterMs: body === 'held' ? 60_000 : 0 }));
      await queue.changeVisibility([{ receipt: stale.receipt, afterMs: 0 }, ...times]);
      expect(bodies(await receiveAll(10))).toEqual(names);
      expect(await receive()).toEqual([]);
    });

    it('a delayed message waits', async () => {
      await queue.send([{ body: 'later', group: 'tenant', delayMs: 2_000 }]);
      expect(await receive()).toEqual([]);
      expect(await queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 1, dead: 0 });
      expect((await receiveOne(await after(2_000))).body).toBe('later');
    });

    it('counts what is visible, in flight and dead', async () => {
      await send('a', 'b', 'c');
      const [first] = await receive(0, 1, 30_000);
      expect(await queue.depth()).toEqual({ visible: 2, inFlight: 1, delayed: 0, dead: 0 });
      await queue.park(first!, 'unknown version');
      expect(await queue.depth()).toEqual({ visible: 2, inFlight: 0, delayed: 0, dead: 1 });
    });

    it('a message nobody handles is a dead letter after its receives, and never received again', async () => {
      await send('poison');
      for (let count = 1; count <= 3; count += 1) {
        const message = await receiveOne();
        expect(message.receiveCount).toBe(count);
        await queue.changeVisibility([{ receipt: message.receipt, afterMs: 0 }]);
      }
      expect(await receive()).toEqual([]);
      expect(await queue.depth()).toMatchObject({ visible: 0, inFlight: 0, dead: 1 });
      const [dead] = await queue.listDead();
      expect(dead).toMatchObject({ body: 'poison', group: 'tenant', reason: 'not handled in 3 receives' });
    });

    it('a parked message is a dead letter with its reason', async () => {
      await send('bad');
      const message = await receiveOne();
      await queue.park(message, 'not JSON: ü 😀');
      expect(await receive(await after(VISIBILITY_MS))).toEqual([]);
      const [dead] = await queue.listDead();
      expect(dead).toMatchObject({ body: 'bad', group: 'tenant', reason: 'not JSON: ü 😀', receiveCount: 1 });
    });

    it('dead letters are sent again, all or those asked for, with a fresh count', async () => {
      await send('a', 'b', 'c');
      for (const message of await receiveAll(3)) await queue.park(message, 'parked');
      const dead = await queue.listDead();
      expect(dead.map(({ body }) => body).sort()).toEqual(['a', 'b', 'c']);
      const { id } = dead.find(({ body }) => body === 'b')!;
      expect(await queue.redrive({ ids: [id, id, 'gone'] })).toEqual({ count: 1, left: false });
      const [again] = await receiveAll(1);
      expect(again).toMatchObject({ body: 'b', group: 'tenant', receiveCount: 1 });
      expect(await queue.redrive()).toEqual({ count: 2, left: false });
      expect(bodies(await receiveAll(2))).toEqual(['a', 'c']);
      expect(await queue.listDead()).toEqual([]);
      expect(await queue.redrive()).toEqual({ count: 0, left: false });
    });

    it('as many dead letters as asked for are sent again, and none when time is over', async () => {
      await send('a', 'b', 'c');
      for (const message of await receiveAll(3)) await queue.park(message, 'parked');
      expect(await queue.redrive({ signal: AbortSignal.abort() })).toEqual({ count: 0, left: true });
      expect(await queue.redrive({ limit: 2 })).toEqual({ count: 2, left: true });
      expect(await queue.redrive({ ids: ['gone'] })).toEqual({ count: 0, left: false });
      expect(await queue.redrive({ limit: 2 })).toEqual({ count: 1, left: false });
      expect(bodies(await receiveAll(3))).toEqual(['a', 'b', 'c']);
    });

    it('sending dead letters again ends while a consumer gives all of them up again', async () => {
      await send('a', 'b', 'c');
      for (const message of await receiveAll(3)) await queue.park(message, 'parked');
      let isOver = false;
      const redriving = queue.redrive().finally(() => {
        isOver = true;
      });
      while (!isOver) for (const message of await receive()) await queue.park(message, 'parked again');
      expect(await redriving).toEqual({ count: 3, left: false });
    });

    it('a message over 1 MiB is reported, its neighbours are sent', async () => {
      expect(await send('a', 'x'.repeat(1024 * 1024 + 1), 'b')).toEqual({ failed: [1] });
      expect(bodies(await receiveAll(2))).toEqual(['a', 'b']);
    });

    it('a batch over 1 MiB in sum is sent whole', async () => {
      const large = 'x'.repeat(400_000);
      expect(await send(`${large}1`, `${large}2`, `${large}3`)).toEqual({ failed: [] });
      expect(bodies(await receiveAll(3))).toEqual([`${large}1`, `${large}2`, `${large}3`]);
    });

    it('more than ten at once are refused, and so is a receive of none or eleven', async () => {
      await expect(send(...Array.from({ length: 11 }, String))).rejects.toThrow(RangeError);
      await expect(receive(0, 0)).rejects.toThrow(RangeError);
      await expect(receive(0, 11)).rejects.toThrow(RangeError);
    });

    it('a group name that no queue service takes is still a group', async () => {
      const group = `${'long/'.repeat(40)}ü`;
      expect(await queue.send([{ body: 'a', group }])).toEqual({ failed: [] });
      expect((await receiveOne()).group).toBe(group);
    });

    it('a waiting receive wakes when something is sent', async () => {
      const waiting = receive(20_000, 1);
      await send('a');
      expect(bodies(await waiting)).toEqual(['a']);
    });

    it('a waiting receive ends when it is aborted', async () => {
      const stop = new AbortController();
      const waiting = queue.receive({ max: 1, visibilityMs: VISIBILITY_MS, waitMs: 20_000, signal: stop.signal });
      stop.abort();
      expect(await waiting).toEqual([]);
    });

    it.runIf(harness.fair)('a tenant with a thousand messages does not delay another tenant’s first', async () => {
      for (let batch = 0; batch < 100; batch += 1) {
        await queue.send(Array.from({ length: 10 }, (_, n) => ({ body: `noisy ${batch} ${n}`, group: 'noisy' })));
      }
      for (let batch = 0; batch < 5; batch += 1) await receive(0, 10, 60_000);
      await queue.send([{ body: 'quiet', group: 'quiet' }]);
      expect((await receiveOne()).body).toBe('quiet');
    });

    it.runIf(harness.fair)('a group with something stuck in flight is not starved by a busy neighbour', async () => {
      await queue.send([1, 2, 3].map((n) => ({ body: `stuck ${n}`, group: 'stuck' })));
      await receive(0, 2, 600_000);
      for (let turn = 0; turn < 30; turn += 1) {
        await queue.send([
          { body: `busy ${turn}`, group: 'busy' },
          { body: `busy too ${turn}`, group: 'busy' },
        ]);
        const message = await receiveOne();
        if (message.group === 'stuck') return;
        await queue.delete([message.receipt]);
      }
      throw new Error('30 messages of the neighbour went first');
    });
  });
}
