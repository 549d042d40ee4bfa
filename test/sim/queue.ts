import { envelopeSchema, type OutgoingMessage } from '@tmc/kernel/envelope.ts';
import type { SeededRandom } from '@tmc/testkit/random.ts';
import type { SimConsumer } from './consumer.ts';
import type { Shape } from './history.ts';
import type { Ledger } from './ledger.ts';
import type { Scheduler } from './scheduler.ts';

type Ports = {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly shape: Shape;
  readonly ledger: Ledger;
  readonly consumer: SimConsumer;
};

/** A standard queue: takes messages entry by entry, delivers each at least once, late, in any order. */
export class SimQueue {
  readonly #ports: Ports;
  refuses = 0;
  fails = 0;
  losesAnswer = 0;
  #slowMs = 0;
  /** Messages taken and not yet delivered a last time. */
  waiting = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  heal(): void {
    this.refuses = 0;
    this.fails = 0;
    this.losesAnswer = 0;
    this.#slowMs = 0;
  }

  slow(delayMs: number): void {
    this.#slowMs = delayMs;
  }

  async send(process: string, messages: readonly OutgoingMessage[]): Promise<{ failed: number[] }> {
    const { scheduler, ledger } = this.#ports;
    for (const message of messages) ledger.left(message);
    await this.#way();
    if (take(this, 'fails')) throw new Error('simulated: the queue does not answer');
    const failed: number[] = [];
    messages.forEach((message, index) => {
      if (take(this, 'refuses')) failed.push(index);
      else this.#accept(process, message);
    });
    if (take(this, 'losesAnswer')) {
      await scheduler.sleep(20);
      throw new Error('simulated: the answer of the queue was lost');
    }
    await this.#way();
    return { failed };
  }

  #way(): Promise<void> {
    const { scheduler, random, shape } = this.#ports;
    return scheduler.sleep(this.#slowMs + Math.floor(random() * shape.latencyMs));
  }

  #accept(process: string, message: OutgoingMessage): void {
    const { scheduler, random, shape, ledger, consumer } = this.#ports;
    ledger.accepted(process, message);
    if (message.envelope.change === 'tick') return;
    if (ledger.messages % 16 === 1) envelopeSchema.parse(message.envelope);
    const deliveries = 1 + Math.floor(random() * shape.queue.deliveries);
    for (let delivery = 0; delivery < deliveries; delivery += 1) {
      this.waiting += 1;
      scheduler.after(random() * shape.queue.delayMs, () => {
        this.waiting -= 1;
        consumer.deliver(message.envelope);
      });
    }
  }
}

function take(queue: SimQueue, fault: 'refuses' | 'fails' | 'losesAnswer'): boolean {
  if (queue[fault] <= 0) return false;
  queue[fault] -= 1;
  return true;
}
