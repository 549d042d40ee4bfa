import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ViewEntry } from '@tmc/testkit/consumer-view.ts';
import { SECRET_MARK } from './names.ts';

/** How the consumer process is started and asked. */

export type ConsumerSettings = {
  readonly endpoint: string;
  readonly queues: readonly { readonly url: string; readonly deadLetterUrl: string }[];
  readonly seed: number;
};

export type ConsumerCounts = {
  received: number;
  /** Of those, received before. */
  redelivered: number;
  upserts: number;
  deletes: number;
  marks: number;
  unseen: number;
  /** Upserts and deletes that told nothing new. */
  old: number;
  /** Marks that were not whole. */
  broken: number;
  /** Messages that held a Secret's value. */
  secrets: number;
};

export type ConsumerAnswer = {
  readonly counts: ConsumerCounts;
  /** Messages in the queues, in flight ones with them; and in the dead letters. */
  readonly waiting: number;
  readonly dead: number;
  readonly entries: readonly ViewEntry[];
};

export type Consumer = {
  ask(): Promise<ConsumerAnswer>;
  stop(): Promise<void>;
};

/** The mark is a multiple of three bytes long: whatever follows, its base64 stands in that of the value. */
const MARKS = [SECRET_MARK, Buffer.from(SECRET_MARK).toString('base64')];

/** True when a text holds the value of a Secret, plain or in base64. */
export function holdsSecret(text: string): boolean {
  return MARKS.some((mark) => text.includes(mark));
}

/** Starts the process; it ends with `stop()` or when this process is gone. */
export function startConsumer(settings: ConsumerSettings): Consumer {
  const script = fileURLToPath(new URL('./consumer.ts', import.meta.url));
  const child = fork(script, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  return {
    ask: () => askOnce(child),
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** It asks six queue depths at most; a busy machine takes its time. */
const ANSWER_MS = 30_000;

function askOnce(child: ChildProcess): Promise<ConsumerAnswer> {
  return new Promise((resolve, reject) => {
    if (child.exitCode !== null || child.signalCode !== null) return reject(new Error('the consumer process ended'));
    const settle = (act: () => void) => {
      clearTimeout(late);
      child.off('exit', gone).off('message', told);
      act();
    };
    const gone = () => settle(() => reject(new Error('the consumer process ended')));
    const told = (answer: unknown) => settle(() => resolve(answer as ConsumerAnswer));
    const late = setTimeout(
      () => settle(() => reject(new Error(`the consumer process did not answer within ${ANSWER_MS} ms`))),
      ANSWER_MS,
    );
    child.once('exit', gone).once('message', told);
    child.send('tell');
  });
}
