import { seededRandom } from '@tmc/testkit/random.ts';
import { describe, expect, it } from 'vitest';
import { FairOrder, type Queued } from './fair-order.ts';

let lastSeq = 0;
function queued(group: string, visibleAtMs = 0): Queued {
  lastSeq += 1;
  const id = `${group}-${lastSeq}`;
  return { seq: lastSeq, id, group, sentAtMs: 0, receiveCount: 0, visibleAtMs, state: 'waiting', inFlight: false };
}

describe('the order of messages', () => {
  it('serves groups in turn, whatever their backlog', () => {
    const order = new FairOrder();
    for (const group of ['a', 'a', 'a', 'a', 'b', 'b', 'c']) order.add(queued(group), 0);
    const turns = Array.from({ length: 7 }, () => order.take(100)?.group);
    expect(turns).toEqual(['a', 'b', 'c', 'a', 'b', 'a', 'a']);
    expect(order.take(100)).toBeUndefined();
  });

  it('a group with less in flight goes first', () => {
    const order = new FairOrder();
    for (let n = 0; n < 5; n += 1) order.add(queued('busy'), 0);
    for (let n = 0; n < 3; n += 1) order.take(100);
    order.add(queued('quiet'), 0);
    expect(order.take(100)?.group).toBe('quiet');
  });

  it('groups with very much in flight still take turns', () => {
    const order = new FairOrder();
    for (let n = 0; n < 300; n += 1) for (const group of ['a', 'b']) order.add(queued(group), 0);
    const turns = Array.from({ length: 600 }, () => order.take(100)?.group);
    for (let from = 0; from < 600; from += 100) {
      const share = turns.slice(from, from + 100).filter((group) => group === 'a').length;
      expect(share).toBeGreaterThan(40);
      expect(share).toBeLessThan(60);
    }
  });

  it('within a group the oldest goes first', () => {
    const order = new FairOrder();
    const messages = Array.from({ length: 100 }, () => queued('a'));
    for (const message of messages) order.add(message, 0);
    expect(messages.map(() => order.take(100)?.id)).toEqual(messages.map(({ id }) => id));
  });

  it('counts agree with the messages after any history', () => {
    const random = seededRandom(2026);
    for (let round = 0; round < 30; round += 1) checkHistory(random);
  });

  it('a long history leaves nothing behind', () => {
    const order = new FairOrder();
    for (let nowMs = 0; nowMs < 20_000; nowMs += 1) {
      order.add(queued(`g${nowMs % 7}`), nowMs);
      const message = order.take(nowMs + 30_000);
      order.remove(message!);
    }
    expect(order.count()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(order.nextDueMs() ?? 0).toBeGreaterThan(18_000);
  });
});

/** Random sends, receives, acknowledgements, give-backs and time, compared with a plain list. */
function checkHistory(random: () => number): void {
  const order = new FairOrder();
  const all: Queued[] = [];
  const pick = (from: readonly Queued[]): Queued | undefined => from[Math.floor(random() * from.length)];
  let nowMs = 0;
  for (let turn = 0; turn < 300; turn += 1) {
    const action = Math.floor(random() * 5);
    const flying = all.filter(({ state, inFlight }) => state === 'waiting' && inFlight);
    if (action === 0) {
      const message = queued(`g${Math.floor(random() * 4)}`, nowMs + (random() < 0.3 ? 50 : 0));
      all.push(message);
      order.add(message, nowMs);
    } else if (action === 1) takeOne(order, all, nowMs);
    else if (action === 2) remove(order, pick(all.filter(({ state }) => state !== 'gone')));
    else if (action === 3) reschedule(order, pick(flying), { toMs: nowMs + Math.floor(random() * 60) - 10, nowMs });
    else nowMs += Math.floor(random() * 40);
    order.promote(nowMs);
    expect(order.count()).toEqual(countOf(all));
  }
}

function takeOne(order: FairOrder, all: readonly Queued[], nowMs: number): void {
  const ready = all.filter(({ state }) => state === 'ready');
  const taken = order.take(nowMs + 30);
  expect(taken === undefined).toBe(ready.length === 0);
  if (taken) expect(ready).toContain(taken);
}

function remove(order: FairOrder, message: Queued | undefined): void {
  if (message) order.remove(message);
}

function reschedule(order: FairOrder, message: Queued | undefined, at: { toMs: number; nowMs: number }): void {
  if (message) order.reschedule(message, at.toMs, at.nowMs);
}

function countOf(all: readonly Queued[]) {
  const waiting = all.filter(({ state }) => state === 'waiting');
  const inFlight = waiting.filter((message) => message.inFlight).length;
  return { visible: all.filter(({ state }) => state === 'ready').length, inFlight, delayed: waiting.length - inFlight };
}
