import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { sequentialIds } from '@tmc/testkit/ids.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { queueContract } from '../queue/queue.contract.ts';
import { openDatabase } from './database.ts';
import { createSqliteQueue } from './queue.ts';

const clockAt = () => createTestClock(1_700_000_000_000);

queueContract({
  name: 'SQLite',
  fair: true,
  open: () => {
    const clock = clockAt();
    const db = openDatabase(':memory:');
    const ids = sequentialIds();
    const queue = createSqliteQueue({ db, name: 'test', clock: clock.now, ids, maxReceives: 3, sleep: clock.sleep });
    return { queue, after: (ms) => clock.advance(ms).then(() => 0) };
  },
});

describe('a queue in a file', () => {
  const { signal } = new AbortController();
  const clock = clockAt();
  const ids = sequentialIds();
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tmc-queue-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function open(name = 'sync', reclaim = false) {
    const db = openDatabase(join(folder, 'state.db'));
    const queue = createSqliteQueue({ db, name, clock: clock.now, ids, maxReceives: 3, reclaim });
    const receive = () => queue.receive({ max: 10, visibilityMs: 1_000, waitMs: 0, signal });
    return { db, queue, receive };
  }

  it('is the same queue when it is opened again: visible, in flight, delayed and dead', async () => {
    const before = open();
    await before.queue.send([{ body: 'dead', group: 'g' }]);
    const [dead] = await before.receive();
    await before.queue.park(dead!, 'parked');
    await before.queue.send([{ body: 'in flight', group: 'g' }]);
    await before.receive();
    await before.queue.send([
      { body: 'visible', group: 'g' },
      { body: 'delayed', group: 'g', delayMs: 500 },
    ]);
    const depth = { visible: 1, inFlight: 1, delayed: 1, dead: 1 };
    expect(await before.queue.depth()).toEqual(depth);
    before.db.close();

    const after = open();
    expect(await after.queue.depth()).toEqual(depth);
    expect(await after.receive()).toMatchObject([{ body: 'visible', receiveCount: 1 }]);
    await clock.advance(1_000);
    const rest = await after.receive();
    expect(rest.map(({ body, receiveCount }) => [body, receiveCount]).sort()).toEqual([
      ['delayed', 1],
      ['in flight', 2],
      ['visible', 2],
    ]);
    expect(await after.queue.listDead()).toMatchObject([{ body: 'dead', reason: 'parked', receiveCount: 1 }]);
    after.db.close();
  });

  it('with reclaim, what the predecessor had in flight is visible at once and keeps its count', async () => {
    const before = open();
    await before.queue.send([{ body: 'a', group: 'g' }]);
    await before.receive();
    before.db.close();
    const after = open('sync', true);
    expect(await after.receive()).toMatchObject([{ body: 'a', receiveCount: 2 }]);
    after.db.close();
  });

  it('queues of one file do not see each other', async () => {
    const { db, queue } = open('sync');
    const other = createSqliteQueue({ db, name: 'status', clock: clock.now, ids, maxReceives: 3 });
    await queue.send([{ body: 'a', group: 'g' }]);
    expect(await other.receive({ max: 1, visibilityMs: 1_000, waitMs: 0, signal })).toEqual([]);
    db.close();
    const again = open('status');
    expect(await again.receive()).toEqual([]);
    again.db.close();
  });

  it('a receive whose record cannot be written gives everything back', async () => {
    const { db, queue, receive } = open();
    await queue.send([{ body: 'a', group: 'g' }]);
    db.exec(`CREATE TRIGGER refuse BEFORE UPDATE ON messages BEGIN SELECT raise(ABORT, 'disk is full'); END`);
    await expect(receive()).rejects.toThrow('disk is full');
    expect(await queue.depth()).toMatchObject({ visible: 1, inFlight: 0 });
    db.exec('DROP TRIGGER refuse');
    expect(await receive()).toMatchObject([{ body: 'a', receiveCount: 1 }]);
    db.close();
  });
});
