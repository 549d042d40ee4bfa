import type { Queue, ReceivedMessage } from '@tmc/adapters/queue/queue.ts';
import { connectQueues } from '@tmc/adapters/sqs/connect.ts';
import { envelopeSchema } from '@tmc/kernel/envelope.ts';
import { ConsumerView } from '@tmc/testkit/consumer-view.ts';
import { seededRandom, shuffled } from '@tmc/testkit/random.ts';
import { type ConsumerAnswer, type ConsumerCounts, type ConsumerSettings, holdsSecret } from './consumer-protocol.ts';
import { credentials, REGION } from './names.ts';

/**
 * The process that drains the queues and believes only messages: `<settings as JSON>`. Asked over IPC, it tells what it counted and
 * what it believes. Some messages it forgets to delete or to handle, so that they come again late: a relay's consumers must stand that.
 */

const RECEIVERS_PER_QUEUE = 3;
const VISIBILITY_MS = 1_000;
const WAIT_MS = 1_000;
/** Shares of messages that are handled but not deleted, and not even handled; both come again. */
const FORGOTTEN = { deletes: 0.02, handling: 0.02 };

const { endpoint, queues, seed } = JSON.parse(process.argv[2] ?? '') as ConsumerSettings;
const random = seededRandom(seed);
const connection = connectQueues({ region: REGION, credentials: credentials(), endpoint });
const view = new ConsumerView();
const counts: ConsumerCounts = {
  received: 0,
  redelivered: 0,
  upserts: 0,
  deletes: 0,
  marks: 0,
  unseen: 0,
  old: 0,
  broken: 0,
  secrets: 0,
};
const ended = new AbortController();

function count({ body, receiveCount }: ReceivedMessage): void {
  counts.received += 1;
  if (receiveCount > 1) counts.redelivered += 1;
  if (holdsSecret(body)) counts.secrets += 1;
}

function believe({ body }: ReceivedMessage): void {
  const envelope = envelopeSchema.parse(JSON.parse(body));
  if (envelope.list) counts.marks += 1;
  else if (envelope.change === 'upsert') counts.upserts += 1;
  else if (envelope.change === 'delete') counts.deletes += 1;
  else if (envelope.change === 'unseen') counts.unseen += 1;
  const verdict = view.apply(envelope);
  if (verdict === 'broken') counts.broken += 1;
  if (verdict === 'old' && !envelope.list) counts.old += 1;
}

async function drain(queue: Queue): Promise<void> {
  const options = { max: 10, visibilityMs: VISIBILITY_MS, waitMs: WAIT_MS, signal: ended.signal };
  while (!ended.signal.aborted) {
    const done: string[] = [];
    for (const message of shuffled(await queue.receive(options), random)) {
      count(message);
      if (random() < FORGOTTEN.handling) continue;
      believe(message);
      if (random() >= FORGOTTEN.deletes) done.push(message.receipt);
    }
    if (done.length > 0) await queue.delete(done);
  }
}

async function answer(): Promise<ConsumerAnswer> {
  const depths = await Promise.all(queues.map((urls) => connection.queue(urls).depth()));
  const waiting = depths.reduce((sum, { visible, inFlight, delayed }) => sum + visible + inFlight + delayed, 0);
  const dead = depths.reduce((sum, depth) => sum + depth.dead, 0);
  return { counts, waiting, dead, entries: view.entries() };
}

process.on('message', () => {
  void answer().then((said) => process.send?.(said));
});
process.on('disconnect', () => process.exit(0));

await Promise.all(
  queues.flatMap((urls) => Array.from({ length: RECEIVERS_PER_QUEUE }, () => drain(connection.queue(urls)))),
);
