import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '@tmc/adapters/sqlite/database.ts';
import { createSqliteQueue } from '@tmc/adapters/sqlite/queue.ts';
import { seededRandom } from '@tmc/testkit/random.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';

const PROCESS = fileURLToPath(new URL('./queue-process.ts', import.meta.url));
const ROUNDS = 8;
const HOUR_MS = 3_600_000;
const seed = Date.now();

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tmc-kill-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the process until it has said so many lines, kills it with SIGKILL, and returns all it said. */
async function runAndKill(path: string, round: number, afterLines: number): Promise<string[]> {
  const child = spawn(process.execPath, [PROCESS, path, String(round)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  const errors: string[] = [];
  child.stderr.on('data', (chunk) => errors.push(String(chunk)));
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (said.length === afterLines) child.kill('SIGKILL');
  }
  if (said.length < afterLines) throw new Error(`the process ended after ${said.length} lines: ${errors.join('')}`);
  return said;
}

it(`a queue whose process is killed ${ROUNDS} times loses nothing and revives nothing (seed ${seed})`, async () => {
  const path = join(folder, 'state.db');
  const random = seededRandom(seed);
  const said: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    said.push(...(await runAndKill(path, round, 40 + Math.floor(random() * 400))));
  }
  const named = (what: string): Set<string> =>
    new Set(said.filter((line) => line.startsWith(`${what} `)).flatMap((line) => line.split(' ').slice(1)));

  const db = openDatabase(path);
  const ids = () => 'unused';
  const queue = createSqliteQueue({ db, name: 'killed', clock: () => Date.now() + HOUR_MS, ids, maxReceives: 1_000 });
  const { signal } = new AbortController();
  const left: string[] = [];
  for (;;) {
    const messages = await queue.receive({ max: 10, visibilityMs: HOUR_MS, waitMs: 0, signal });
    if (messages.length === 0) break;
    left.push(...messages.map(({ body }) => body));
  }
  db.close();

  const [sending, sent, deleting, deleted] = [named('sending'), named('sent'), named('deleting'), named('deleted')];
  const present = new Set(left);
  expect(left, 'no message twice').toHaveLength(present.size);
  expect(
    [...sent].filter((name) => !deleting.has(name) && !present.has(name)),
    'answered sends that are lost',
  ).toEqual([]);
  expect(
    [...deleted].filter((name) => present.has(name)),
    'answered deletes that came back',
  ).toEqual([]);
  expect(
    [...present].filter((name) => !sending.has(name)),
    'messages nobody sent',
  ).toEqual([]);
  expect(sent.size).toBeGreaterThan(ROUNDS * 10);
});
