import { writeSync } from 'node:fs';
import { openDatabase } from '@tmc/adapters/sqlite/database.ts';
import { createSqliteQueue } from '@tmc/adapters/sqlite/queue.ts';
import { systemClock } from '@tmc/kernel/clock.ts';
import { randomIds } from '@tmc/kernel/ids.ts';

/**
 * A process to be killed: `<file> <round>`. Sends, receives and acknowledges without end and says, in a line each, what it is about to
 * do and what was answered. Lines are written synchronously, so that none of an answered call is missing.
 */

const [path = '', round = ''] = process.argv.slice(2);
const queue = createSqliteQueue({
  db: openDatabase(path),
  name: 'killed',
  clock: systemClock,
  ids: randomIds,
  maxReceives: 1_000,
  reclaim: true,
});
const { signal } = new AbortController();
const say = (what: string, names: readonly string[]): void => void writeSync(1, `${what} ${names.join(' ')}\n`);

for (let turn = 0; ; turn += 1) {
  const names = Array.from({ length: 10 }, (_, n) => `${round}/${turn}/${n}`);
  say('sending', names);
  await queue.send(names.map((body) => ({ body, group: `g${turn % 3}` })));
  say('sent', names);
  const messages = await queue.receive({ max: 10, visibilityMs: 600_000, waitMs: 0, signal });
  const handled = messages.filter((_, n) => n % 2 === 0);
  say(
    'deleting',
    handled.map(({ body }) => body),
  );
  await queue.delete(handled.map(({ receipt }) => receipt));
  say(
    'deleted',
    handled.map(({ body }) => body),
  );
}
